import { expect, it } from "vitest";
import { Semaphore } from "./semaphore.ts";

it("lets a few work at once, then those who waited, in the order in which they came, and refuses the rest", async () => {
  const desk = new Semaphore({ atOnce: 2, waitingMax: 2 });
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const work = (number: number) =>
    desk.run(async () => {
      began.push(number);
      await new Promise<void>((resolve) => ends.push(resolve));
      return number;
    });
  const running = [1, 2, 3, 4].map(work);
  await expect(work(5)).rejects.toMatchObject({ code: "BUSY", extra: { retryInMs: expect.any(Number) } });
  expect(began).toEqual([1, 2]);
  for (let done = 0; done < running.length; done++) {
    await expect.poll(() => ends.length).toBeGreaterThan(done);
    ends[done]?.();
  }
  expect(await Promise.all(running)).toEqual([1, 2, 3, 4]);
  expect(began).toEqual([1, 2, 3, 4]);
});

it("gives the place of who fails to the next", async () => {
  const desk = new Semaphore({ atOnce: 1, waitingMax: 1 });
  const failing = desk.run(() => Promise.reject(new Error("it fails on purpose")));
  const next = desk.run(async () => "done");
  await expect(failing).rejects.toThrow("on purpose");
  expect(await next).toBe("done");
});
