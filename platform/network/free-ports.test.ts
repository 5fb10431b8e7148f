import { expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";

it("takes no port that is spoken for, though nobody listens there", async () => {
  const [first = 0, ...others] = await freePorts(20);
  const all = Array.from({ length: 16_000 }, (_, at) => 16_000 + at);
  const allButOthers = all.filter((port) => !others.includes(port));
  expect(allButOthers).toContain(first);
  expect((await freePorts(3, allButOthers)).filter((port) => !others.includes(port))).toEqual([]);
});
