/** An amount in minor units (1250 is 12.50 in EUR) and its ISO 4217 currency. */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/**
 * Decimals of the currencies that do not have two: as ISO 4217 (list one) has it, but for the ariary (MGA), which has two there,
 * and which Stripe takes whole. What a system says of them is how prices are usually written.
 */
const DECIMALS: ReadonlyMap<string, number> = new Map([
  ...[
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "MGA",
    "PYG",
    "RWF",
    "UGX",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
  ].map((currency) => [currency, 0] as const),
  ...["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"].map((currency) => [currency, 3] as const),
]);

/** How many of the digits of an amount stand behind the point. */
export const decimalsOf = (currency: string): number => DECIMALS.get(currency) ?? 2;

/** An amount as it is written where `locale` is spoken. */
export function formatMoney({ amount, currency }: Money, locale: string): string {
  const decimals = decimalsOf(currency);
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return format.format(amount / 10 ** decimals);
}
