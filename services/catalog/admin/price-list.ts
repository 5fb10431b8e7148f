import type { Kysely } from "kysely";
import { decimalsOf } from "../../../proto/index.ts";
import type { CategoryPrices } from "../../../proto/rest/index.ts";
import { TICKET_TYPES } from "../../../proto/services/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { CatalogTables } from "../store/tables.ts";

/**
 * The currency of all these prices.
 * @throws Problem BAD_MESSAGE unless every category of the hall's plan has its prices once, all in one currency, and cards can pay them
 */
export async function currencyOf(
  db: Kysely<CatalogTables>,
  hallId: string,
  planVersion: number,
  prices: readonly CategoryPrices[],
): Promise<string> {
  const categories = await db
    .selectFrom("plan_category")
    .select("id")
    .where("hall_id", "=", hallId)
    .where("plan_version", "=", planVersion)
    .orderBy("position")
    .execute();
  const unpriced = new Set(categories.map(({ id }) => id));
  const currency = prices[0]?.adult.currency ?? "";
  const step = stepOf(currency);
  prices.forEach((entry, at) => {
    if (!unpriced.delete(entry.category)) {
      throw bad(`body.prices.${at}.category`, "is no category of the hall, or comes twice");
    }
    for (const type of TICKET_TYPES) {
      const price = entry[type];
      if (price === undefined) continue;
      const field = `body.prices.${at}.${type}`;
      if (price.currency !== currency) throw bad(`${field}.currency`, "differs from that of other prices");
      if (price.amount % step !== 0) throw bad(`${field}.amount`, `must be a multiple of ${step} in ${currency}`);
    }
  });
  const [missing] = unpriced;
  if (missing !== undefined) throw bad("body.prices", `has no entry for the category ${missing}`);
  return currency;
}

/**
 * What prices are multiples of. Card networks take hundredths, and refuse a last digit behind the third decimal that is not 0, also when
 * money goes back (https://docs.stripe.com/currencies#three-decimal). It holds however one pays: a seat has one price.
 */
const stepOf = (currency: string): number => 10 ** Math.max(0, decimalsOf(currency) - 2);

const bad = (field: string, what: string): Problem => new Problem("BAD_MESSAGE", `${field} ${what}.`, { field });
