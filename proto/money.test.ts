import { expect, it } from "vitest";
import { formatMoney } from "./money.ts";

it.each([
  [1_250, "EUR", "en", "€12.50"],
  [1_200, "EUR", "de", "12,00 €"],
  [250_000, "HUF", "de", "2.500,00 HUF"],
  [1_900, "ISK", "en", "ISK 1,900"],
  [1_900, "JPY", "en", "¥1,900"],
  [12_000, "MGA", "en", "MGA 12,000"],
  [1_500, "KWD", "en", "KWD 1.500"],
])("%i minor units of %s are written in %s as %s", (amount, currency, locale, text) => {
  expect(formatMoney({ amount, currency }, locale).replaceAll(/\s/g, " ")).toBe(text);
});
