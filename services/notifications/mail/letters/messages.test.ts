import { expect, it } from "vitest";
import { WHY } from "../../../bookings/saga/decisions/reasons.ts";
import { SETTLED_WHY } from "../../../payments/decisions/settlement.ts";
import { planOf, TOKENS } from "../../../payments/mock-gateway/tokens.ts";
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

const tokensReasons = [...Object.keys(TOKENS), "tok_nobody"].map((token) => planOf(token, new Date(0), 0).reason);

it.each([...Object.values(WHY), ...Object.values(SETTLED_WHY), ...tokensReasons.filter((reason) => reason !== null)])(
  "there is German for our own reason: %s",
  (reason) => {
    expect(german.reason(reason)).toEqual(expect.any(String));
  },
);

it("a gateway's own reason, of which there is no German, is in English mails alone", () => {
  expect(german.reason("Your card does not support this type of purchase.")).toBeNull();
  expect(english.reason("Your card does not support this type of purchase.")).toBe(
    "Your card does not support this type of purchase.",
  );
});
