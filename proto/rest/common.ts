import { Type, type Static, type TSchema } from "typebox";
import { closed } from "../closed.ts";

/** Ids are opaque to clients; the pattern keeps what cannot be one from ever reaching a query. */
export const Id = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description: "An opaque id." });

export const Timestamp = Type.String({ format: "date-time", description: "ISO 8601, in UTC." });

export const Money = Type.Object(
  {
    amount: Type.Integer({ description: "In minor units: 1250 is 12.50 in EUR." }),
    currency: Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217." }),
  },
  closed,
);
export type Money = Static<typeof Money>;

export const IdParams = Type.Object({ id: Id });

/** Body of a call that takes nothing. Without a schema it would take anything, however deeply nested. */
export const EmptyBody = Type.Object({}, { ...closed, examples: [{}] });

const PAGE_LIMIT_MAX = 100;
export const PAGE_LIMIT_DEFAULT = 50;
/** A list that is sorted by a name has the name in its cursors: 500 letters of three bytes each make 2,000 characters. */
const CURSOR_LENGTH_MAX = 4_096;

/** The query of every list. */
export const PageQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: PAGE_LIMIT_MAX,
      description: `Items a page; ${PAGE_LIMIT_DEFAULT} when left out.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: CURSOR_LENGTH_MAX,
      description: "`nextCursor` of the page before; opaque.",
    }),
  ),
});
export type PageQuery = Static<typeof PageQuery>;

export const Page = <Item extends TSchema>(item: Item) =>
  Type.Object({
    items: Type.Array(item),
    nextCursor: Type.Union([Type.String(), Type.Null()], { description: "null on the last page." }),
  });

export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}
