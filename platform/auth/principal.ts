import type { HolderId } from "../../proto/index.ts";

const ROLES = ["customer", "guest", "kiosk", "boxoffice", "gate", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const isRole = (value: unknown): value is Role => ROLES.some((role) => role === value);

/** Who a valid token speaks for. */
export interface Principal {
  readonly userId: HolderId;
  readonly role: Role;
  /** All tokens of one sign-in; signing out, or the theft of a refresh token, ends them together. */
  readonly family: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}
