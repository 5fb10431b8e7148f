/**
 * What the core decided, and all that the journal holds: replaying the events of a showtime gives its state, byte for byte.
 * `at` is the shard's clock in milliseconds since 1970; instants (`deadline`) are on the same clock.
 * A hold is named by its number within the showtime (see `holdIdOf`).
 */
import type { BookingId, HolderId, RequestId } from "../ids.ts";
import type { HallPlan, SaleLimits, SaleRules } from "./commands.ts";

/** Who asked, so that the same request finds its first answer again; events that no command asked for have none. */
export interface Asked {
  readonly holder: HolderId;
  readonly rid: RequestId;
}

export type Event = { readonly at: number } & (
  | (Asked & {
      readonly type: "opened";
      readonly plan: HallPlan;
      readonly rules: SaleRules;
      readonly limits: SaleLimits;
    })
  | (Asked & { readonly type: "amended"; readonly rules: SaleRules })
  /** The operator's limits changed between two runs of the engine. */
  | { readonly type: "limited"; readonly limits: SaleLimits }
  | (Asked & { readonly type: "closed" })
  | (Asked & {
      readonly type: "held";
      readonly hold: number;
      readonly seats: readonly number[];
      readonly deadline: number;
    })
  | (Asked & { readonly type: "extended"; readonly hold: number; readonly deadline: number })
  | (Asked & { readonly type: "released"; readonly hold: number; readonly seats: readonly number[] })
  | (Asked & {
      readonly type: "pinned";
      readonly hold: number;
      readonly booking: BookingId;
      readonly seats: readonly number[];
      readonly deadline: number;
    })
  /** `hold` is undefined when the hold was gone and `seats` were taken again for the booking. */
  | (Asked & {
      readonly type: "confirmed";
      readonly hold?: number;
      readonly booking: BookingId;
      readonly seats: readonly number[];
    })
  /** `hold` is there when the booking was never confirmed: its pinned hold ended. */
  | (Asked & {
      readonly type: "cancelled";
      readonly hold?: number;
      readonly booking: BookingId;
      readonly seats: readonly number[];
    })
  | (Asked & { readonly type: "blocked"; readonly seats: readonly number[] })
  | (Asked & { readonly type: "unblocked"; readonly seats: readonly number[] })
  | { readonly type: "expired"; readonly holder: HolderId; readonly hold: number; readonly seats: readonly number[] }
  /** The engine was away for `pausedMs`: every deadline moves by as much, so that a hold keeps what was left of its time. */
  | { readonly type: "resumed"; readonly pausedMs: number }
  /** The show was long ago: the engine forgets its seats. Who has which stays in `booked_seat`, and the rest in the journal's audit. */
  | { readonly type: "archived" }
);

/** An event that answers a command, and so is remembered for whoever asks again. */
export type AnswerEvent = Extract<Event, Asked>;
