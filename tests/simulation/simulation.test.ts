import { describe, expect, it } from "vitest";
import { newTally, simulate, type Tally } from "./world.ts";

const SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 40);
const FIRST = Number(process.env["SIMULATION_FIRST_SEED"] ?? 1);

describe("an engine whose journal fails, stalls and loses answers", () => {
  it(`keeps its word through ${SEEDS} histories from seed ${FIRST}`, { timeout: 600_000 }, async () => {
    const total = newTally();
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const tally = await simulate(seed, 150);
      for (const name of Object.keys(total) as (keyof Tally)[]) total[name] += tally[name];
    }
    console.log(`simulated: ${JSON.stringify(total)}`);
    expect(total.crashes).toBeGreaterThan(0);
    expect(total.faults).toBeGreaterThan(0);
    expect(total.outcomes).toBeGreaterThan(SEEDS * 20);
    expect(total.confirmed).toBeGreaterThan(SEEDS);
    expect(total.cancelled).toBeGreaterThan(SEEDS);
  });

  it("is seen to fail when answers leave before the commit", async () => {
    await expect(someSeedFails({ answerEarly: true })).resolves.toMatch(/not durable|not in the journal/);
  });

  it("is seen to fail when the fence is taken out", async () => {
    await expect(someSeedFails({ withoutFence: true })).resolves.toMatch(/./);
  });
});

/** What the first of up to 100 seeds that fails says. */
async function someSeedFails(breakage: Parameters<typeof simulate>[2]): Promise<string> {
  for (let seed = 1; seed <= 100; seed++) {
    try {
      await simulate(seed, 150, breakage);
    } catch (error) {
      return String(error);
    }
  }
  return "";
}
