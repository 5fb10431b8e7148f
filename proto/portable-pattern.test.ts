import { expect, it } from "vitest";
import { portablePattern } from "./portable-pattern.ts";

const ALL = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
const BEYOND = ["🎬", "𝔘𝔫", "\u{10FFFF}", "\u{10000}a", "\uDC00\uD800", "\uD83C\uD800", "a\uD800", "\uDC00a", ""];

it.each([
  String.raw`^\P{Cs}*$`,
  String.raw`^[^\p{Cs}]*$`,
  String.raw`^[^\p{Cc}\p{Cs}]*$`,
  String.raw`^(?=.*\S)[^\p{Cc}\p{Cs}]+$`,
  String.raw`^[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}\s][^\p{Cc}\p{Cs}]*$`,
  String.raw`^https?://[^\s\p{Cc}\p{Cs}]+$`,
  String.raw`^\s*[^\s@\p{Cc}\p{Cf}\p{Cs}]+@[^\s@\p{Cc}\p{Cf}\p{Cs}]+\s*$`,
])("%s means the same, with the u flag and without", (pattern) => {
  const portable = portablePattern(pattern);
  expect(portable).not.toMatch(/\\p/i);
  const [ours, plain, unicode] = [new RegExp(pattern, "u"), new RegExp(portable), new RegExp(portable, "u")];
  const texts = [...ALL, ...BEYOND].flatMap((text) => [text, `a${text}b`, `https://${text}`, `${text}@b`]);
  const differing = texts.filter((text) => new Set([ours, plain, unicode].map((each) => each.test(text))).size > 1);
  expect(differing).toEqual([]);
});

it("leaves others as they are", () => {
  for (const pattern of ["^[A-Za-z0-9_-]{1,64}$", "^[^/]*$"]) expect(portablePattern(pattern)).toBe(pattern);
});
