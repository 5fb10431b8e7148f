import { pino } from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { Poller } from "./index.ts";

const log = pino({ level: "silent" });

it("looks at its start, when its time has come, when nudged, and again while there is more", async () => {
  const clock = new VirtualClock();
  let looks = 0;
  let left = 0;
  const poller = new Poller({
    clock,
    log,
    what: "looking",
    everyMs: 1e3,
    async work() {
      looks++;
      return left-- > 0;
    },
  });
  poller.start();
  poller.start();
  await clock.settle();
  expect(looks).toBe(1);
  await clock.advance(1_000);
  expect(looks).toBe(2);
  poller.nudge();
  await clock.settle();
  expect(looks).toBe(3);
  left = 3;
  poller.nudge();
  await clock.settle();
  expect(looks).toBe(7);
  await poller.stop();
  poller.nudge();
  await clock.advance(10_000);
  expect(looks).toBe(7);
});

it("outlives a look that fails, misses no nudge that comes during one, and waits for it at the end", async () => {
  const clock = new VirtualClock();
  let looks = 0;
  let finish: () => void = () => {};
  const poller = new Poller({
    clock,
    log,
    what: "looking",
    everyMs: 1e3,
    async work() {
      looks++;
      if (looks === 1) throw new Error("out of order");
      await new Promise<void>((resolve) => (finish = resolve));
      return false;
    },
  });
  poller.start();
  await clock.advance(1_000);
  expect(looks).toBe(2);
  poller.nudge();
  finish();
  await clock.settle();
  expect(looks).toBe(3);
  let stopped = false;
  const stopping = poller.stop().then(() => (stopped = true));
  await clock.settle();
  expect(stopped).toBe(false);
  finish();
  await stopping;
});

it("may rest before its first look, unless it is nudged, and ends while it does", async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const start = () => {
    const work = async () => ++looks === 1;
    const poller = new Poller({ clock, log, what: "looking", everyMs: 1e3, restsFirst: true, work });
    poller.start();
    return poller;
  };
  const poller = start();
  await clock.advance(999);
  expect(looks).toBe(0);
  await clock.advance(1);
  expect(looks).toBe(2);
  await poller.stop();
  const nudged = start();
  nudged.nudge();
  await clock.settle();
  expect(looks).toBe(3);
  await nudged.stop();
  await start().stop();
  expect(looks).toBe(3);
});
