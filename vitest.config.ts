import { defineConfig } from "vitest/config";
// @ts-expect-error -- A tool is plain JavaScript, so that it runs before anything is built.
import { widenPath } from "./tools/programs.mjs";

// For a run that `npm test` did not begin.
widenPath();

const exclude = ["**/node_modules/**", "dist/**"];
/** Whole systems in a rush, killed, cut apart and measured: beside another test each would be held to that one's time too. */
const ALONE = [
  "bench/scenarios/**/*.test.ts",
  "tests/{browser,commands,faults,kills,purchase,races,rush-kills}/**/*.test.ts",
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
