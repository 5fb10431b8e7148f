import { pino } from "pino";
import { expect, it } from "vitest";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { EngineClient } from "../../../platform/engine-client/index.ts";
import { bookingId, type HoldId, type Reply, salesCommandsTo } from "../../../proto/index.ts";
import { REFUND_PAYMENT } from "../../../proto/services/index.ts";
import { aBooking, NOW, PAY_MS } from "../testing/model.ts";
import { Steps } from "./steps.ts";

it("a pin whose first answer was lost leaves no more time to pay than the engine does", async () => {
  const clock = new VirtualClock(NOW);
  const log = pino({ level: "silent" });
  const bus = new InProcessBus({ clock, log });
  const times = { timeoutMs: 5_000, attemptTimeoutMs: 1_000 };
  const engine = new EngineClient({ bus, clock, shards: 1, sells: true, inFlightMax: 10, ...times });
  let asked = 0;
  // As the engine does, it gives its first answer again.
  bus.serve(salesCommandsTo(0), (_batch, answer) => {
    if (++asked === 1) return;
    const { id, holdId, seats: booked } = aBooking();
    const seats = booked.map(({ seat }) => seat);
    answer({
      replies: [{ type: "pinned", hold: holdId as HoldId, booking: bookingId(id), seats, expiresInMs: PAY_MS }],
    });
  });
  const payBy = new Steps({ engine, bus, clock, log })
    .do(aBooking(), { do: "pin" }, { isFirst: true, isLast: false })
    .then((fact) => {
      if (fact.type !== "pinned") throw new Error(JSON.stringify(fact));
      return clock.now() + fact.expiresInMs;
    });
  await clock.advance(times.timeoutMs);
  expect(await payBy).toBe(NOW + PAY_MS);
  expect(asked).toBe(2);
  await bus.close();
});

it("a refusal whose meaning is not known here decides nothing", async () => {
  const clock = new VirtualClock(NOW);
  const log = pino({ level: "silent" });
  const bus = new InProcessBus({ clock, log });
  // The cast: what is yet to come has no type.
  const reply = { type: "refused", code: "SEAT_SOAKED", message: "The seat is wet." } as unknown as Reply;
  const steps = new Steps({ engine: { ask: () => Promise.resolve(reply) }, bus, clock, log });
  const fact = await steps.do(aBooking(), { do: "confirm" }, { isFirst: true, isLast: false });
  expect(fact).toEqual({ type: "unanswered", step: "confirm" });
  await bus.close();
});

it("a refund that payments has heard of, and not done, is told from one that it has not heard of", async () => {
  const clock = new VirtualClock(NOW);
  const log = pino({ level: "silent" });
  const bus = new InProcessBus({ clock, log });
  const steps = new Steps({ engine: { ask: () => Promise.reject(new Error("nobody asks it")) }, bus, clock, log });
  const payment = { id: "pay_1", method: "mock", state: "captured", next: null, givenUp: false } as const;
  const refund = () =>
    steps.do({ ...aBooking(), payment }, { do: "refund", id: "rf_1", amount: 1_000 }, { isFirst: true, isLast: false });
  expect(await refund()).toEqual({ type: "unanswered", step: "refund" });
  bus.serve(REFUND_PAYMENT, (_question, answer) => answer({ ok: false, code: "UNAVAILABLE", message: "Not yet." }));
  expect(await refund()).toEqual({ type: "unanswered", step: "refund", isHeard: true });
  await bus.close();
});
