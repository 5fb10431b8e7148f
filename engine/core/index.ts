/** The one door of the pure core. */
import type { AnswerEvent, Command, Event, Finding, HolderId, HoldId, Outcome, Refusal, SaleLimits, ShowtimeId } from "../../proto/index.ts";
import type { Decision } from "./decision.ts";

export type { Decision } from "./decision.ts";

export interface ShowtimeState { readonly id: ShowtimeId; readonly seq: number; readonly checksum: number }
/** A showtime that nobody has opened: `decide` treats it as unknown, `evolve` opens it with its first event. */
export declare function createShowtime(id: ShowtimeId): ShowtimeState;
export declare function decide(state: ShowtimeState | undefined, command: Command, now: number, limits: SaleLimits): Decision;
/** Appends `seat * 4 + status` to `changes` for every seat that looks different now (a seat may come twice: the last one counts). */
export declare function evolve(state: ShowtimeState, event: Event, changes?: number[]): void;
/** What the asker of `event` is told; a function of the event alone, so a repeat is told the same. */
export declare function outcomeOf(showtime: ShowtimeId, event: AnswerEvent): Outcome;
/** The first answer to this request, when it is still remembered (`decide` looks by itself). */
export declare function recall(state: ShowtimeState, holder: HolderId, rid: string): Outcome | undefined;
/** The `expired` event when the hold is there and its time is over; undefined otherwise: look at `deadlineOf` again. */
export declare function expire(state: ShowtimeState, hold: number, now: number): Event | undefined;
/** Moves every deadline by `pausedMs`; undefined when no hold or clock is running. */
export declare function resume(state: ShowtimeState, pausedMs: number, now: number): Event | undefined;
/** The `limited` event when the operator's limits differ from the showtime's. */
export declare function limit(state: ShowtimeState, limits: SaleLimits, now: number): Event | undefined;
/** When the hold ends, or undefined when there is none. A deadline only ever moves later, so a timer may be set again when it fires. */
export declare function deadlineOf(state: ShowtimeState, hold: number): number | undefined;
/** Every hold with its deadline. */
export declare function deadlines(state: ShowtimeState): Iterable<{ readonly hold: number; readonly deadline: number }>;
/** `statuses` is a copy. */
export declare function viewOf(state: ShowtimeState): { readonly seq: number; readonly statuses: Uint8Array; readonly checksum: number };
export declare function findHold(state: ShowtimeState | undefined, holder: HolderId, hold: HoldId, now: number): Finding | Refusal;
export declare function encodeState(state: ShowtimeState): Uint8Array;
/** @throws when the bytes are not a state. */
export declare function decodeState(bytes: Uint8Array): ShowtimeState;
