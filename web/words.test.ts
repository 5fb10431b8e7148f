import { expect, test, vi } from "vitest";
import { Refused } from "../client/index.ts";
import { inPlainWords, whyNoMoreTime } from "./words.ts";

// Formats are the browser's.
vi.hoisted(() => vi.stubGlobal("navigator", { language: "en" }));

test("a limit of time is not called one of seats", () => {
  const refused = new Refused("LIMIT_REACHED", "No more.", {});
  expect(inPlainWords(refused)).toBe("That is as much as one person may have here.");
  expect(whyNoMoreTime(refused)).toMatch(/^There is no more time to be had/);
  expect(whyNoMoreTime(new Refused("RATE_LIMITED", "No.", {}))).toBe(
    inPlainWords(new Refused("RATE_LIMITED", "No.", {})),
  );
});

test("whoever is refused a wheelchair place, or the seat beside one, is told how to get it", () => {
  const words = inPlainWords(new Refused("ACCESSIBLE_ONLY", "Kept.", { seats: [4] }), () => "A5");
  expect(words).toMatch(/^A5: kept for wheelchair users /);
  expect(words).toContain("Tick “For a wheelchair user, or with one”");
  expect(words).toContain("the wheelchair place before the seat beside it");
});

test("a server that does not answer is not called overrun", () => {
  expect(inPlainWords(new Refused("UNAVAILABLE", "No answer.", {}))).toMatch("cannot be reached");
  expect(inPlainWords(new Refused("BUSY", "Wait.", {}))).toMatch("overrun");
});
