import type { Selectable } from "kysely";
import type { User } from "../../../proto/rest/index.ts";
import type { IdentityTables } from "../tables.ts";

export type UserRow = Selectable<IdentityTables["user"]>;

export const userOf = ({ id, email, name, role, language, created_at, deleted_at }: UserRow): User => ({
  id,
  ...(email === null ? {} : { email }),
  ...(name === null ? {} : { name }),
  role,
  language,
  createdAt: created_at.toISOString(),
  ...(deleted_at === null ? {} : { deletedAt: deleted_at.toISOString() }),
});

/** Neither a guest nor somebody with a password. */
export const isDevice = ({ email_key, role }: UserRow): boolean => email_key === null && role !== "guest";
