export type { Bus, Subscription } from "./bus.ts";
export { InProcessBus } from "./in-process-bus.ts";
export { answerWith } from "./answer-with.ts";
