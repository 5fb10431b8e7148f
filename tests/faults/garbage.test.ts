import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SUBJECTS } from "./garbage.ts";

it("garbage goes to every subject that the table has", () => {
  const table = readFileSync(new URL("../../proto/README.md", import.meta.url), "utf8");
  const named = [...table.matchAll(/^\| `([\w.-]+)` \| (?:topic|endpoint) \|/gm)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(new Set(SUBJECTS)).toEqual(new Set(named));
});
