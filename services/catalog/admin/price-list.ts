import type { Kysely } from "kysely";
import type { CategoryPrices } from "../../../proto/rest/index.ts";
import { TICKET_TYPES } from "../../../proto/services/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { CatalogTables } from "../store/tables.ts";

/**
 * The currency of all these prices.
 * @throws Problem BAD_MESSAGE unless every category of the hall's plan has its prices once, all in one currency
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
  prices.forEach((entry, at) => {
    if (!unpriced.delete(entry.category)) {
      throw bad(`body.prices.${at}.category`, "is no category of the hall, or comes twice");
    }
    for (const type of TICKET_TYPES) {
      const own = entry[type]?.currency ?? currency;
      if (own !== currency) throw bad(`body.prices.${at}.${type}.currency`, "differs from that of other prices");
    }
  });
  const [missing] = unpriced;
  if (missing !== undefined) throw bad("body.prices", `has no entry for the category ${missing}`);
  return currency;
}

const bad = (field: string, what: string): Problem => new Problem("BAD_MESSAGE", `${field} ${what}.`, { field });
