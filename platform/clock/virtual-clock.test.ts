import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

describe("virtual clock", () => {
  it("calls timers by due time, then by age, each at its own instant", async () => {
    const clock = new VirtualClock(1000);
    const calls: string[] = [];
    const at = (name: string) => () => void calls.push(`${name}@${clock.now()}/${clock.monotonic()}`);
    clock.after(20, at("c"));
    clock.after(10, at("a"));
    clock.after(20, at("d"));
    clock.after(10, at("b"));
    clock.after(21, at("not yet"));
    await clock.advance(20);
    expect(calls).toEqual(["a@1010/10", "b@1010/10", "c@1020/20", "d@1020/20"]);
    expect(clock.now()).toBe(1020);
  });

  it("calls within one advance what was set by another callback, and never what was cancelled", async () => {
    const clock = new VirtualClock();
    const calls: number[] = [];
    const doomed = clock.after(15, () => calls.push(-1));
    clock.after(10, () => {
      doomed.cancel();
      doomed.cancel();
      clock.after(5, () => calls.push(clock.monotonic()));
      clock.after(0, () => calls.push(clock.monotonic()));
    });
    await clock.advance(100);
    expect(calls).toEqual([10, 15]);
  });

  it("lets promises settle between two timers and between two ends of turn", async () => {
    const clock = new VirtualClock();
    const calls: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let step = 0; step < 20; step++) await Promise.resolve();
      calls.push(`${name} settled`);
    };
    const start = (name: string) => () => {
      calls.push(name);
      void chain(name);
    };
    clock.after(1, start("timer"));
    clock.after(1, start("second timer"));
    clock.endOfTurn(start("end of turn"));
    clock.endOfTurn(start("second end of turn"));
    await clock.advance(1);
    expect(calls).toEqual(
      ["end of turn", "second end of turn", "timer", "second timer"].flatMap((name) => [name, `${name} settled`]),
    );
  });

  it("settles without time going by", async () => {
    const clock = new VirtualClock(5);
    const calls: string[] = [];
    clock.after(0, () => calls.push("timer"));
    clock.endOfTurn(() => clock.endOfTurn(() => calls.push("next turn")));
    await clock.settle();
    expect(calls).toEqual(["next turn"]);
    expect(clock.now()).toBe(5);
  });

  it("lets the wall clock be set while timers and the monotonic clock go on", async () => {
    const clock = new VirtualClock(10_000);
    let rang = false;
    clock.after(100, () => (rang = true));
    clock.setForward(-5000);
    await clock.advance(100);
    expect(clock.now()).toBe(5100);
    expect(clock.monotonic()).toBe(100);
    expect(rang).toBe(true);
  });
});
