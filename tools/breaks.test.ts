import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
// @ts-expect-error -- A tool is plain JavaScript, so that it runs before anything is built.
import { BREAKS } from "./breaks-list.mjs";

const root = new URL("../", import.meta.url);
const breaks = BREAKS as readonly {
  readonly law: number | "-";
  readonly what: string;
  readonly file: string;
  readonly find: string;
}[]; // The list's own shape.

it("breaks every law of ARCHITECTURE.md", () => {
  const laws = readFileSync(new URL("ARCHITECTURE.md", root), "utf8").match(/^\d+(?=\. \*\*)/gm);
  const broken = new Set(breaks.map(({ law }) => law).filter((law) => law !== "-"));
  expect([...broken].toSorted((a, b) => a - b)).toEqual(laws?.map(Number));
});

it.each(breaks)("can still be broken: $what", ({ file, find }) => {
  expect(readFileSync(new URL(file, root), "utf8").split(find)).toHaveLength(2);
});
