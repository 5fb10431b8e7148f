import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { diskNotes } from "./machine.ts";

const MEMORY = "/dev/shm";

it.skipIf(!existsSync(MEMORY))("says that databases have no disk where they have none", () => {
  expect(diskNotes(MEMORY)).toEqual([expect.stringMatching(/^\/dev\/shm is in memory, .*\.$/)]);
  expect(diskNotes("/proc")).toEqual([]);
});
