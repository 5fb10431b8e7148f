import type { ErrorCode } from "../errors.ts";

/** What one service answers another over the bus: the value, or a refusal from the catalogue. */
export type ServiceAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
