import { type RawBuilder, type Selectable, sql } from "kysely";
import type { TimePlace } from "../../../platform/http/index.ts";
import type { User } from "../../../proto/rest/index.ts";
import type { IdentityTables } from "../tables.ts";

export type UserRow = Selectable<IdentityTables["user"]>;

export const userOf = ({ id, email, name, role, language, created_at }: UserRow): User => ({
  id,
  ...(email === null ? {} : { email }),
  ...(name === null ? {} : { name }),
  role,
  language,
  createdAt: created_at.toISOString(),
});

/** Neither a guest nor somebody with a password. */
export const isDevice = ({ email_key, role }: UserRow): boolean => email_key === null && role !== "guest";

/** Where a page of users ends: they are listed the oldest first. */
export const placeOf = ({ created_at, id }: Pick<UserRow, "created_at" | "id">): TimePlace => [
  created_at.getTime(),
  id,
];

export const isBehind = ([at, id]: TimePlace): RawBuilder<boolean> =>
  sql<boolean>`(created_at, id) > (${new Date(at)}, ${id})`;
