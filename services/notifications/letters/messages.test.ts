import { expect, it } from "vitest";
import { english } from "./english.ts";
import { german } from "./german.ts";

it.each([
  [english, "the seats are yours if they are free, or it goes back"],
  [german, "gehören die Plätze Ihnen, wenn sie frei sind, oder es geht zurück"],
])(
  "the mail about an expired booking promises no return of money that may still buy its seats",
  ({ letters }, words) => {
    const said = letters["booking.expired"].paragraphs.join(" ");
    expect(said).not.toMatch(/by itself|von selbst/);
    expect(said).toContain(words);
  },
);
