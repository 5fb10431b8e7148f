import { expect, it, vi } from "vitest";
import type { Clock } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { within } from "./within.ts";

/** Counts the timers that nobody has cancelled. */
function counted(): { clock: VirtualClock; timers: () => number } {
  const clock = new VirtualClock();
  let timers = 0;
  const { after } = Object.getPrototypeOf(clock) as Clock;
  clock.after = (ms, callback) => {
    timers++;
    const timer = after.call(clock, ms, callback);
    return { cancel: () => (timers--, timer.cancel()) };
  };
  return { clock, timers: () => timers };
}

it("gives what the work gives or throws, and leaves no timer behind", async () => {
  const { clock, timers } = counted();
  const otherwise = vi.fn(() => "too late");
  await expect(within(clock, 10, Promise.resolve("done"), otherwise)).resolves.toBe("done");
  await expect(within(clock, 10, Promise.reject(new Error("broken")), otherwise)).rejects.toThrow("broken");
  expect(timers()).toBe(0);
  expect(otherwise).not.toHaveBeenCalled();
});

it("gives what is said otherwise when the work takes longer, and never hears of its failure", async () => {
  const { clock, timers } = counted();
  const { promise: work, reject } = withResolvers();
  const answer = within(clock, 10, work, () => "too late");
  const thrown = within(clock, 10, work, () => {
    throw new Error("took too long");
  });
  const refused = expect(thrown).rejects.toThrow("took too long");
  await clock.advance(9);
  expect(timers()).toBe(2);
  await clock.advance(1);
  await expect(answer).resolves.toBe("too late");
  await refused;
  reject(new Error("nobody hears this"));
  await clock.settle(); // An unhandled rejection fails the run.
});

function withResolvers(): { promise: Promise<string>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<string>((_, refuse) => (reject = refuse));
  return { promise, reject };
}
