import { SERVES_MANY } from "../../platform/auth/index.ts";
import type { HolderId, Role } from "../../proto/index.ts";

/** Who asks; `key` is the request's Idempotency-Key, if it has one. */
export interface Asker {
  readonly userId: HolderId;
  readonly role: Role;
  readonly key: string | undefined;
}

/** A kiosk or a box office, which serves one customer after another. */
export const isDesk = ({ role }: Asker): boolean => SERVES_MANY.has(role);
