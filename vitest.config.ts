import { defineConfig } from "vitest/config";

const exclude = ["**/node_modules/**", "dist/**"];
/** What is held to a time: beside another test it would measure that one too. */
const ALONE = [
  "tests/faults/faults.test.ts",
  "bench/scenarios/{scenarios,takeover}.test.ts",
  "tests/rush-kills/rush-kills.test.ts",
];

const limits = {
  testTimeout: 60_000,
  hookTimeout: 90_000,
  maxConcurrency: 10,
  // What is to become so may take long where many share a core; what never becomes so is still found.
  expect: { poll: { timeout: 15_000 } },
};

export default defineConfig({
  test: {
    globalSetup: "platform/postgres/testing-server.ts",
    projects: [
      // Most of them wait half of their time: for a disk, a process, a time-out.
      {
        test: {
          ...limits,
          name: "side-by-side",
          include: ["**/*.test.ts"],
          exclude: [...exclude, ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...limits, name: "alone", include: ALONE, exclude, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
