export { type Bus, BusClosed, ConnectionLost, isAway, NoResponders, RequestTimeout, type Subscription } from "./bus.ts";
export { InProcessBus } from "./in-process-bus.ts";
export { NatsBus } from "./nats-bus.ts";
export { connectNats, NatsUnusable } from "./nats-connection.ts";
export { openNatsBus } from "./open-nats-bus.ts";
export { WithholdingBus } from "./withholding-bus.ts";
export { serving } from "./serving.ts";
