import { expect, it } from "vitest";
import { shortened } from "./shortened.ts";

it.each([
  ["", ""],
  ["Dune", "Dune"],
  ["Dunes", "Dun…"],
  ["\u{1f3ac}\u{1f3ac}\u{1f3ac}\u{1f3ac}", "\u{1f3ac}\u{1f3ac}\u{1f3ac}\u{1f3ac}"],
  ["\u{1f3ac}\u{1f3ac}\u{1f3ac}\u{1f3ac}\u{1f3ac}", "\u{1f3ac}\u{1f3ac}\u{1f3ac}…"],
])("four letters of %j are %j", (text, short) => expect(shortened(text, 4)).toBe(short));
