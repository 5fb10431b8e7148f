import { describe, expect, it } from "vitest";
import { plainCodec, type Endpoint } from "../../proto/index.ts";
import { systemClock, VirtualClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { RequestTimeout } from "./bus.ts";
import { busContract } from "./testing-contract.ts";
import { InProcessBus } from "./in-process-bus.ts";

const log = createLogger({ name: "test", level: "silent" });

busContract("in-process bus", () => new InProcessBus({ clock: systemClock, log }), { encodes: false });
busContract("in-process bus that encodes", () => new InProcessBus({ clock: systemClock, log, encode: true }), {
  encodes: true,
});

const ECHO: Endpoint<number, number> = { name: "echo", question: plainCodec(), answer: plainCodec() };

describe("in-process bus", () => {
  it("hands objects over as they are, without a copy", async () => {
    const bus = new InProcessBus({ clock: systemClock, log });
    const endpoint: Endpoint<object, object> = { name: "same", question: plainCodec(), answer: plainCodec() };
    bus.serve(endpoint, (question, answer) => answer(question));
    const question = {};
    expect(await bus.request(endpoint, question, { timeoutMs: 1000 })).toBe(question);
  });

  it("lets the loop turn while two parts answer each other without end", async () => {
    const bus = new InProcessBus({ clock: systemClock, log });
    bus.serve(ECHO, (question, answer) => answer(question));
    let stopped = false;
    setImmediate(() => (stopped = true));
    for (let at = 0; !stopped && at < 200_000; at++) await bus.request(ECHO, at, { timeoutMs: 60_000 });
    expect(stopped).toBe(true);
  });

  it("counts time-outs by its clock", async () => {
    const clock = new VirtualClock();
    const bus = new InProcessBus({ clock, log });
    bus.serve(ECHO, () => undefined);
    let failed: unknown;
    bus.request(ECHO, 1, { timeoutMs: 5000 }).catch((why: unknown) => (failed = why));
    await clock.advance(4999);
    expect(failed).toBeUndefined();
    await clock.advance(1);
    expect(failed).toBeInstanceOf(RequestTimeout);
  });
});
