import { expect, it } from "vitest";
import { DURATION_BUCKETS } from "../../metrics/index.ts";
import { HANDLER_TIMEOUT_MS } from "../limits.ts";

it("the time of every request that is not given up falls into a bucket with an end", () => {
  expect(Math.max(...DURATION_BUCKETS) * 1_000).toBeGreaterThanOrEqual(HANDLER_TIMEOUT_MS);
});
