import { expect, it } from "vitest";
import { Semaphore, TooManyWaiting } from "./semaphore.ts";

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
  await expect(work(5)).rejects.toThrow(TooManyWaiting);
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

it("lets in all who wait when it is told to, and a few at once again afterwards", async () => {
  const desk = new Semaphore({ atOnce: 1, waitingMax: 9 });
  const ends: (() => void)[] = [];
  const work = () => desk.run(() => new Promise<void>((resolve) => ends.push(resolve)));
  const running = [work(), work(), work()];
  expect(ends).toHaveLength(1);
  desk.letAllIn();
  await expect.poll(() => ends.length).toBe(3);
  for (const end of ends.splice(0, 2)) end();
  await Promise.all(running.slice(0, 2));
  running.push(work());
  expect(ends).toHaveLength(1);
  ends.shift()?.();
  await expect.poll(() => ends.length).toBe(1);
  ends.shift()?.();
  await Promise.all(running);
  expect(desk.isIdle).toBe(true);
});
