import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { Lifecycle, type PartOptions, Stopping } from "./lifecycle.ts";

const log = createLogger({ name: "test", level: "silent" });
const never = new Promise<never>(() => undefined);

describe("lifecycle", () => {
  let clock: VirtualClock;
  let lifecycle: Lifecycle;
  let calls: string[];
  beforeEach(() => {
    clock = new VirtualClock();
    lifecycle = new Lifecycle({ clock, log, stopTimeoutMs: 1000 });
    calls = [];
  });

  const part = (name: string): PartOptions<string> => ({
    name,
    async start() {
      await Promise.resolve();
      calls.push(`start ${name}`);
      return name;
    },
    async stop(value) {
      await Promise.resolve();
      calls.push(`stop ${value}`);
    },
  });

  it("starts in order, gives what each part made, and stops in reverse, once", async () => {
    expect(await lifecycle.start(part("database"))).toBe("database");
    await lifecycle.start(part("engine"));
    await lifecycle.start({ name: "without a stop", start: () => undefined });
    expect(await Promise.all([lifecycle.stop(), lifecycle.stop()])).toEqual([true, true]);
    expect(calls).toEqual(["start database", "start engine", "stop engine", "stop database"]);
  });

  it.each(["throws", "rejects"])("stops those before when a part %s, and says why", async (way) => {
    await lifecycle.start(part("database"));
    await lifecycle.start(part("engine"));
    const start = (): Promise<never> => {
      const error = new Error("port 8080 is taken");
      if (way === "throws") throw error;
      return Promise.reject(error);
    };
    await expect(lifecycle.start({ ...part("edge"), start })).rejects.toThrow("port 8080 is taken");
    expect(calls).toEqual(["start database", "start engine", "stop engine", "stop database"]);
    await expect(lifecycle.start(part("more"))).rejects.toThrow(Stopping);
  });

  it("goes on stopping when a part fails to stop or takes too long, and tells", async () => {
    await lifecycle.start(part("database"));
    await lifecycle.start({ ...part("stuck"), stop: () => never });
    await lifecycle.start({
      ...part("failing"),
      stop() {
        throw new Error("on purpose");
      },
    });
    const stopped = lifecycle.stop();
    await clock.advance(999);
    expect(calls).not.toContain("stop database");
    await clock.advance(1);
    expect(await stopped).toBe(false);
    expect(calls).toContain("stop database");
  });

  it("waits for the part that is starting when asked to stop, then stops it first", async () => {
    await lifecycle.start(part("database"));
    const starting = lifecycle.start(part("engine"));
    const stopped = lifecycle.stop();
    await expect(starting).rejects.toThrow(Stopping);
    expect(await stopped).toBe(true);
    expect(calls).toEqual(["start database", "start engine", "stop engine", "stop database"]);
  });

  it("does not wait for ever for a part that is starting, and stops it should it come late", async () => {
    await lifecycle.start(part("database"));
    let finish: (value: string) => void = () => undefined;
    const starting = lifecycle.start({ ...part("slow"), start: () => new Promise<string>((done) => (finish = done)) });
    const stopped = lifecycle.stop();
    await clock.advance(1000);
    expect(await stopped).toBe(false);
    expect(calls).toEqual(["start database", "stop database"]);
    finish("slow");
    await expect(starting).rejects.toThrow(Stopping);
    expect(calls.at(-1)).toBe("stop slow");
  });
});
