import { expect, it } from "vitest";
import { SingleFlight } from "./single-flight.ts";

function flights() {
  const loads: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const flight = new SingleFlight(() => new Promise<number>((resolve, reject) => void loads.push({ resolve, reject })));
  return { flight, loads };
}

it("loads once more for all who came while a load was under way, and gives them what came after they asked", async () => {
  const { flight, loads } = flights();
  const first = flight.get("a");
  const later = [flight.get("a"), flight.get("a"), flight.get("a")];
  expect(loads).toHaveLength(1);
  loads[0]?.resolve(1);
  expect(await first).toBe(1);
  await expect.poll(() => loads.length).toBe(2);
  loads[1]?.resolve(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  void flight.get("a");
  expect(loads).toHaveLength(3);
});

it("goes on after a load that failed, and keeps things apart", async () => {
  const { flight, loads } = flights();
  const first = flight.get("a");
  const second = flight.get("a");
  const other = flight.get("b");
  expect(loads).toHaveLength(2);
  loads[0]?.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await expect.poll(() => loads.length).toBe(3);
  loads[1]?.resolve(7);
  loads[2]?.resolve(8);
  expect(await Promise.all([second, other])).toEqual([8, 7]);
});
