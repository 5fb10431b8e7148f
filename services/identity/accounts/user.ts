import { type RawBuilder, type Selectable, sql } from "kysely";
import { type Static, Type } from "typebox";
import { Id, type User } from "../../../proto/rest/index.ts";
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
export const UserPlace = Type.Object({ at: Type.Integer({ minimum: 0, maximum: Date.UTC(2100) }), id: Id });

export const placeOf = ({ created_at, id }: Pick<UserRow, "created_at" | "id">): Static<typeof UserPlace> => ({
  at: created_at.getTime(),
  id,
});

export const isBehind = ({ at, id }: Static<typeof UserPlace>): RawBuilder<boolean> =>
  sql<boolean>`(created_at, id) > (${new Date(at)}, ${id})`;
