/**
 * What one commit of one shard carries, and what may leave the shard once it is durable: answers, deltas, notices.
 */
import type { ShowtimeState } from "../core/index.ts";
import type { BookedSeatChange } from "../journal/index.ts";
import type { BookingId, Delta, Event, Notice, Reply, ReplyBatch, ShowtimeId } from "../../proto/index.ts";
import type { RowWriter } from "./row-codec.ts";

type AnswerBatch = (replies: ReplyBatch) => void;
type SeatChanges = Map<string, { -readonly [Field in keyof BookedSeatChange]: BookedSeatChange[Field] }>;

/** A showtime that the batch changed. */
export interface Touched {
  readonly state: ShowtimeState;
  /** Its seq before the batch. */
  readonly from: number;
  readonly changes: number[];
  /** In the batch's row; 0 before its first event there. */
  place: number;
}

export class Batch {
  readonly notices: Notice[] = [];
  /** Requests whose answers wait for this commit, and what they weigh together. */
  requests = 0;
  weight = 0;
  /** The batch has a row to write even without an event. */
  keepsClock = false;
  /** The batch has an answer that is true only while the shard is ours. So PostgreSQL is asked whether it is, even if there is no row to write. */
  needsProof = false;
  readonly #row: RowWriter;
  readonly #touched = new Map<ShowtimeId, Touched>();
  /** From the first booking on: most batches have none. */
  #bookedSeats: SeatChanges | undefined;
  readonly #answers: { readonly replies: readonly Reply[]; readonly answer: AnswerBatch }[] = [];

  readonly #beforeCut: (() => void)[] = [];

  /** @param row empty, and this batch's alone until it is taken */
  constructor(row: RowWriter) {
    this.#row = row;
  }

  get hasEvents(): boolean {
    return this.#row.byteLength > 0;
  }

  get hasRow(): boolean {
    return this.hasEvents || this.keepsClock;
  }

  /** Nobody waits for anything that PostgreSQL would have to say. */
  get isIdle(): boolean {
    return !this.hasRow && !this.needsProof;
  }

  /** The showtime's entry in this batch, made at its first event. Call it before the event is evolved. */
  touch(state: ShowtimeState): Touched {
    let touched = this.#touched.get(state.id);
    if (touched === undefined) {
      touched = { state, from: state.seq, changes: [], place: 0 };
      this.#touched.set(state.id, touched);
    }
    return touched;
  }

  add(touched: Touched, event: Event): void {
    const showtime = touched.state.id;
    touched.place = this.#row.add(showtime, touched.place, event);
    if (event.type === "confirmed") this.#rebook(showtime, event.seats, null, event.booking);
    // With a hold it was cancelled before it was confirmed: no seat was booked.
    else if (event.type === "cancelled" && event.hold === undefined)
      this.#rebook(showtime, event.seats, event.booking, null);
  }

  /** The answers leave when the batch is durable. */
  wait(replies: readonly Reply[], weight: number, answer: AnswerBatch): void {
    this.requests += replies.length;
    this.weight += weight;
    this.#answers.push({ replies, answer });
  }

  /** `work` is called when nothing more can join the batch. */
  beforeCut(work: () => void): void {
    this.#beforeCut.push(work);
  }

  /** From now on nothing joins it. */
  close(): void {
    for (const work of this.#beforeCut) work();
  }

  takeRow(): Uint8Array {
    return this.#row.take();
  }

  /** The net change of each seat: a seat booked and cancelled within the batch is not in it. */
  bookedSeats(): BookedSeatChange[] {
    if (this.#bookedSeats === undefined) return [];
    return [...this.#bookedSeats.values()].filter((change) => change.before !== change.after);
  }

  /** As of now, so to be called when the batch is cut. */
  deltas(epoch: number): Delta[] {
    const deltas: Delta[] = [];
    for (const { state, from, changes } of this.#touched.values()) {
      if (state.phase === "archived") continue; // There is no hall left to go on from.
      deltas.push({ showtime: state.id, epoch, from, seq: state.seq, changes, checksum: state.checksum });
    }
    return deltas;
  }

  /** @param tell calls what it is given */
  answer(tell: (answer: () => void) => void): void {
    for (const { replies, answer } of this.#answers) tell(() => answer({ replies }));
  }

  /** Every answer becomes `reply`, since what it said may not be so; nobody waits any more. */
  answerAll(reply: Reply, tell: (answer: () => void) => void): void {
    for (const { replies, answer } of this.#answers.splice(0)) {
      tell(() => answer({ replies: replies.map(() => reply) }));
    }
    this.requests = 0;
    this.weight = 0;
  }

  #rebook(showtime: ShowtimeId, seats: readonly number[], before: BookingId | null, after: BookingId | null): void {
    const booked: SeatChanges = (this.#bookedSeats ??= new Map());
    for (const seat of seats) {
      const key = `${showtime} ${seat}`;
      const change = booked.get(key);
      if (change === undefined) booked.set(key, { showtime, seat, before, after });
      else change.after = after;
    }
  }
}
