import { type HolderId, type Role, ROLES } from "../../proto/index.ts";

export const isRole = (value: unknown): value is Role => ROLES.some((role) => role === value);

/** Devices that serve one customer after another: the limits of one holder are not theirs. */
export const SERVES_MANY: ReadonlySet<Role> = new Set<Role>(["kiosk", "boxoffice"]);

/** Who a valid token speaks for. */
export interface Principal {
  readonly userId: HolderId;
  readonly role: Role;
  /** All tokens of one sign-in; signing out, or the theft of a refresh token, ends them together. */
  readonly family: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}
