import { expect, it } from "vitest";
import { decimalsOf } from "../../../proto/index.ts";
import { unitOf } from "./stripe-gateway.ts";

/** As https://docs.stripe.com/currencies had them in 2026; what it takes for one whole unit. */
const STRIPE: readonly (readonly [units: number, currencies: string])[] = [
  [1, "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"],
  [100, "ISK UGX"], // The special cases: no decimals, and two zeros.
  [100, "EUR USD GBP CHF HUF TWD"], // As all others, and two that have no decimals at payouts alone.
  [1_000, "BHD JOD KWD OMR TND"],
];

it.each(STRIPE.flatMap(([units, currencies]) => currencies.split(" ").map((currency) => [units, currency] as const)))(
  "Stripe is asked for %i of its units for one whole %s",
  (units, currency) => {
    expect(10 ** decimalsOf(currency) * unitOf(currency)).toBe(units);
  },
);
