/**
 * What the engine is asked. Every command names the holder it is for and a request id: the same pair again gets the
 * first answer again, so a caller that heard nothing may always ask again.
 */
import type { BookingId, HolderId, HoldId, RequestId, ShowtimeId } from "../ids.ts";
import type { ErrorCode } from "../errors.ts";

/** A hall as the engine sees it: parallel arrays, one entry per seat, in layout order (row by row, left to right). */
export interface HallPlan {
  /** Row number of each seat; a seat's neighbours are the seats before and after it in the same row, unless an aisle is between. */
  readonly row: Uint16Array;
  /** Position on the floor plan, in layout units, for "nearest the focal point". */
  readonly x: Int16Array;
  readonly y: Int16Array;
  /** Index into `categories`. */
  readonly category: Uint8Array;
  /** Bits of `SEAT_FLAG`. */
  readonly flags: Uint8Array;
  readonly categories: readonly PlanCategory[];
}

export interface PlanCategory {
  /** The id that clients name in best available; 1 to 64 characters. */
  readonly id: string;
  /** Best available takes the seats nearest to this point, in layout units. */
  readonly focalX: number;
  readonly focalY: number;
}

/** `aisleAfter`: the next seat of the row is not a neighbour. */
export const SEAT_FLAG = { accessible: 1, companion: 2, aisleAfter: 4 } as const;

/** `none`: no check. `lenient`: no new single seat, unless it is all that stays over of its gap. `strict`: never a new single seat. */
export type OrphanRule = "none" | "lenient" | "strict";
/** When wheelchair places and companion seats may go to others: always, never, or from `ms` before the sale ends on. */
export type AccessibleRelease =
  | { readonly when: "always" }
  | { readonly when: "never" }
  | { readonly when: "before-end"; readonly ms: number };

/** The rules of one showtime's sale; all times in milliseconds, instants since 1970-01-01 UTC. */
export interface SaleRules {
  readonly salesStartAt: number;
  readonly salesEndAt: number;
  /** When the show is over, should its sale end before: until then the sale may be amended, prolonged and looked at. */
  readonly showEndsAt?: number;
  readonly orphan: OrphanRule;
  readonly accessibleRelease: AccessibleRelease;
  /** Version of what the catalogue has: rules that come late, after newer ones, change nothing. */
  readonly version?: number;
}

/** The limits that the engine's operator sets for all sales (settings `HOLD_TTL_SECONDS` and its neighbours). */
export interface SaleLimits {
  /** How long a first hold lives, and how far an extension reaches. */
  readonly holdTtlMs: number;
  /** How long a holder's clock may run from its first hold, with every extension. */
  readonly holdMaxMs: number;
  /** How long a pinned hold waits for its payment. */
  readonly paymentTtlMs: number;
  /** Seats, held and booked, that one holder may have in one showtime. */
  readonly maxSeatsPerHolder: number;
  /** How often one hold clock may be extended. */
  readonly maxExtensions: number;
}

interface Addressed {
  readonly showtime: ShowtimeId;
  readonly holder: HolderId;
  readonly rid: RequestId;
}

export type Command = Addressed &
  (
    | { readonly type: "open"; readonly plan: HallPlan; readonly rules: SaleRules }
    | { readonly type: "amend"; readonly rules: SaleRules }
    | { readonly type: "close" }
    /**
     * `accessible`: the holder needs a wheelchair place, or is the companion of somebody who does.
     * `desk`: the holder is a kiosk or a box office, which serves one customer after another: what it has sold does not count
     * against the cap, and once it holds nothing its next hold begins a new clock.
     */
    | {
        readonly type: "hold";
        readonly seats: readonly number[];
        readonly accessible?: boolean;
        readonly desk?: boolean;
      }
    | {
        readonly type: "hold-best";
        readonly count: number;
        readonly category?: string;
        readonly accessible?: boolean;
        readonly desk?: boolean;
        readonly split?: boolean;
      }
    | { readonly type: "extend"; readonly hold: HoldId }
    | { readonly type: "release"; readonly hold: HoldId; readonly seats?: readonly number[] }
    | { readonly type: "pin"; readonly hold: HoldId; readonly booking: BookingId }
    /** `reacquire`: when the hold is gone, take `seats` again if every one of them is free. `seats` are those of the booking. */
    | {
        readonly type: "confirm";
        readonly hold: HoldId;
        readonly booking: BookingId;
        readonly seats: readonly number[];
        readonly reacquire: boolean;
      }
    | { readonly type: "cancel"; readonly booking: BookingId; readonly seats?: readonly number[] }
    | { readonly type: "block"; readonly seats: readonly number[] }
    | { readonly type: "unblock"; readonly seats: readonly number[] }
  );

/** What changes nothing: read in order with the commands, and answered only when what it rests on is durable. */
export type Query =
  /** `recent`: with the deltas that led there, as far as they are remembered. */
  | { readonly type: "view"; readonly showtime: ShowtimeId; readonly recent?: boolean }
  | { readonly type: "get-hold"; readonly showtime: ShowtimeId; readonly holder: HolderId; readonly hold: HoldId };

export interface Refusal {
  readonly type: "refused";
  readonly code: ErrorCode;
  readonly message: string;
  readonly seats?: readonly number[];
  readonly retryInMs?: number;
}

/** What a command that was carried out answers. `expiresInMs` counts from when the command was decided. */
export type Outcome =
  | { readonly type: "held"; readonly hold: HoldId; readonly seats: readonly number[]; readonly expiresInMs: number }
  | { readonly type: "extended"; readonly hold: HoldId; readonly expiresInMs: number }
  | { readonly type: "released"; readonly hold: HoldId }
  | {
      readonly type: "pinned";
      readonly hold: HoldId;
      readonly booking: BookingId;
      readonly seats: readonly number[];
      readonly expiresInMs: number;
    }
  | {
      readonly type: "confirmed";
      readonly booking: BookingId;
      readonly seats: readonly number[];
      readonly reacquired: boolean;
    }
  | { readonly type: "cancelled"; readonly booking: BookingId; readonly seats: readonly number[] }
  | { readonly type: "done" };

/** What one commit changed in one showtime: seats that went from the state at `from` to the state at `seq`. */
export interface Delta {
  readonly showtime: ShowtimeId;
  readonly epoch: number;
  readonly from: number;
  readonly seq: number;
  /** `seat * 4 + status` each, in the order they happened: a seat's last one counts. */
  readonly changes: readonly number[];
  /** Checksum of the whole hall at `seq`. */
  readonly checksum: number;
}

/** What a query answers. `statuses` holds one `SeatStatus` a byte. */
export type Finding =
  | {
      readonly type: "view";
      readonly epoch: number;
      readonly seq: number;
      readonly statuses: Uint8Array;
      readonly checksum: number;
      /** One following on the other, the last one up to `seq`. */
      readonly recent?: readonly Delta[];
    }
  | {
      readonly type: "hold";
      readonly hold: HoldId;
      readonly seats: readonly number[];
      readonly expiresInMs: number;
      readonly booking?: BookingId;
    };

export type Reply = Outcome | Finding | Refusal;

/** For where the request's type is a parameter: there `reply.type` tells the compiler nothing. */
export const isRefusal = (reply: Reply): reply is Refusal => reply.type === "refused";

/** What a request is answered with, unless it is refused. */
export const ANSWER_OF = {
  open: "done",
  amend: "done",
  close: "done",
  block: "done",
  unblock: "done",
  hold: "held",
  "hold-best": "held",
  extend: "extended",
  release: "released",
  pin: "pinned",
  confirm: "confirmed",
  cancel: "cancelled",
  view: "view",
  "get-hold": "hold",
} as const satisfies Record<RequestType, (Outcome | Finding)["type"]>;

export type RequestType = (Command | Query)["type"];
/** A request of this type, or of one of these. */
export type RequestOf<Type extends RequestType> = (Command | Query) & { readonly type: Type };
export type AnswerTo<Type extends RequestType> = Extract<Outcome | Finding, { type: (typeof ANSWER_OF)[Type] }>;

/** All that one process sends to one shard in one loop turn. */
export interface CommandBatch {
  readonly requests: readonly (Command | Query)[];
}
