/**
 * A showtime as bytes. Equal states give equal bytes, however they came about: from events, or from bytes before.
 * What follows from the rest (seat arrays, counts, layout) is not written but worked out again, and held against the checksum.
 */
import {
  ByteReader,
  ByteWriter,
  decodeEvent,
  readLimits,
  readPlan,
  readRules,
  readSeats,
  SEAT_STATUS,
  writeLimits,
  writePlan,
  writeRules,
  writeSeats,
  type BookingId,
  type HolderId,
  type ShowtimeId,
} from "../../proto/index.ts";
import type { Asker } from "./state/answer-slots.ts";
import { Answers, capacityFrom } from "./state/answers.ts";
import { BrokenInvariant } from "./state/assert.ts";
import { hashOf } from "./state/hash.ts";
import { Holders, newHolder, type Holder } from "./state/holders.ts";
import type { Hold } from "./state/holds.ts";
import { addBooking } from "./state/bookings.ts";
import { block, layOut, take } from "./state/seats.ts";
import { createShowtime, tombstoneOf, type ShowtimeState } from "./state/state.ts";

const FORMAT = 2;
/** Has its answers as events, one by one. It is read, and no more written. */
const FORMAT_WITH_EVENTS = 1;
/** Holders, holds or answers that are read in one step. */
const STEP = 1_024;
/** Room for a showtime with a hall, and for one without, of which a shard may have many more. */
const HALL_BYTES = 1 << 16;
const NO_HALL_BYTES = 64;
const PHASES = ["unopened", "open", "closed", "archived"] as const;

/** In steps of a millisecond or two each, in which the state must not change. */
export function* encodeState(state: ShowtimeState): Generator<undefined, Uint8Array> {
  const hasHall = state.phase !== "unopened" && state.phase !== "archived";
  const out = new ByteWriter(hasHall ? HALL_BYTES : NO_HALL_BYTES);
  out.byte(FORMAT);
  out.string(state.id);
  out.byte(PHASES.indexOf(state.phase));
  out.uint(state.seq);
  out.uint(state.at);
  if (!hasHall) return out.finish();
  writePlan(out, state.plan);
  writeRules(out, state.rules);
  writeLimits(out, state.limits);
  out.uint(state.nextNumber);
  writeSeats(out, blockedSeats(state));
  writeHolders(out, state);
  writeBookings(out, state);
  yield* writeMemory(out, state);
  out.uint(state.checksum);
  return out.finish();
}

/**
 * In steps of a millisecond or two each: an engine that serves others meanwhile goes on with them in between.
 * @throws CorruptBytes when the bytes are not one whole state.
 */
export function* decodeState(bytes: Uint8Array): Generator<undefined, ShowtimeState> {
  const reader = new ByteReader(bytes);
  const format = reader.byte();
  if (format !== FORMAT && format !== FORMAT_WITH_EVENTS) throw reader.corrupt(`format ${format} is not known`);
  try {
    return yield* readState(reader, format);
  } catch (error) {
    // The parts are those of no state that ever was: two owners of a seat, say.
    if (error instanceof BrokenInvariant) throw reader.corrupt(error.message);
    throw error;
  }
}

// The casts below: the ids were checked before they came into a state, and the snapshot's checksum covers them.
function* readState(bytes: ByteReader, format: number): Generator<undefined, ShowtimeState> {
  const id = bytes.string() as ShowtimeId;
  const phase = PHASES[bytes.byte()];
  if (phase === undefined) throw bytes.corrupt("there is no such phase");
  const [seq, at] = [bytes.uint(), bytes.uint()];
  if (phase === "archived") {
    bytes.end();
    return tombstoneOf({ id, seq, at });
  }
  const state = Object.assign(createShowtime(id), { seq, at });
  if (phase !== "unopened") {
    layOut(state, readPlan(bytes), readRules(bytes), readLimits(bytes));
    state.phase = phase;
    state.nextNumber = bytes.uint();
    const blocked = readSeats(bytes);
    yield* readHolders(bytes, state);
    yield* readBookings(bytes, state);
    // Last, since a seat is blocked in whatever hands it is.
    for (const seat of blocked) block(state, seat, undefined);
    yield* readMemory(bytes, state, format);
    if (bytes.uint() !== state.checksum) throw bytes.corrupt("the seats do not have the checksum that was written");
  }
  bytes.end();
  return state;
}

function blockedSeats(state: ShowtimeState): number[] {
  const seats: number[] = [];
  for (let seat = 0; seat < state.blocked.length; seat++) if (state.blocked[seat] === 1) seats.push(seat);
  return seats;
}

/** Holders in the order of their sweep, then their holds, oldest first. */
function writeHolders(out: ByteWriter, state: ShowtimeState): void {
  out.uint(state.holders.cursor);
  out.uint(state.holders.size);
  for (const holder of state.holders.roster) {
    out.string(holder.id);
    out.uint(holder.clock);
    out.uint(holder.startedAt);
    out.uint(holder.deadline);
    out.uint(holder.extensions);
  }
  out.uint(state.holds.size);
  for (const hold of state.holds.inOrder()) {
    out.uint(hold.number);
    out.string(hold.holder.id);
    out.uint(hold.clock);
    writeSeats(out, hold.seats);
    out.string(hold.booking ?? "");
    if (hold.booking !== undefined) out.uint(hold.payBy);
  }
}

function* readHolders(bytes: ByteReader, state: ShowtimeState): Generator<undefined, void> {
  state.holders = new Holders(bytes.uint());
  for (let left = bytes.count(5); left > 0; left--) {
    if (left % STEP === 0) yield;
    const id = bytes.string() as HolderId;
    const [clock, startedAt, deadline, extensions] = [bytes.uint(), bytes.uint(), bytes.uint(), bytes.uint()];
    state.holders.add({ ...newHolder(id), clock, startedAt, deadline, extensions });
  }
  for (let left = bytes.count(5); left > 0; left--) {
    if (left % STEP === 0) yield;
    const number = bytes.uint();
    const holder = readHolder(bytes, state);
    const clock = bytes.uint();
    const seats = readSeats(bytes);
    const booking = (bytes.string() || undefined) as BookingId | undefined;
    const hold: Hold = {
      number,
      holder,
      seats,
      clock,
      booking,
      payBy: booking === undefined ? 0 : bytes.uint(),
      next: undefined,
    };
    for (const seat of seats) take(state, seat, SEAT_STATUS.held, number, undefined);
    holder.held += seats.length;
    state.holds.add(hold);
    if (booking !== undefined) state.pinned.set(booking, hold);
  }
}

function writeBookings(out: ByteWriter, state: ShowtimeState): void {
  out.uint(state.bookings.size);
  for (const booking of state.bookings.values()) {
    out.string(booking.id);
    out.uint(booking.number);
    out.string(booking.holder.id);
    writeSeats(out, booking.seats);
  }
}

function* readBookings(bytes: ByteReader, state: ShowtimeState): Generator<undefined, void> {
  for (let left = bytes.count(4); left > 0; left--) {
    if (left % STEP === 0) yield;
    const id = bytes.string() as BookingId;
    const number = bytes.uint();
    const holder = readHolder(bytes, state);
    const seats = readSeats(bytes);
    for (const seat of seats) take(state, seat, SEAT_STATUS.booked, number, undefined);
    addBooking(state, { id, number, holder, seats });
  }
}

function readHolder(bytes: ByteReader, state: ShowtimeState): Holder {
  const holder = state.holders.get(bytes.string() as HolderId);
  if (holder === undefined) throw bytes.corrupt("seats have a holder that is not there");
  return holder;
}

/** What is only remembered: expired holds, cancelled bookings, answers; each oldest first. */
function* writeMemory(out: ByteWriter, state: ShowtimeState): Generator<undefined, void> {
  out.uint(state.expired.size);
  for (const [hold, holder] of state.expired.entries()) {
    out.uint(hold);
    out.string(holder);
  }
  out.uint(state.cancelled.size);
  for (const [booking, holder] of state.cancelled.entries()) {
    out.string(booking);
    out.string(holder);
  }
  yield* state.answers.encode(out);
}

function* readMemory(bytes: ByteReader, state: ShowtimeState, format: number): Generator<undefined, void> {
  for (let left = bytes.count(2); left > 0; left--) {
    if (left % STEP === 0) yield;
    state.expired.add(bytes.uint(), bytes.string() as HolderId);
  }
  for (let left = bytes.count(2); left > 0; left--) {
    if (left % STEP === 0) yield;
    state.cancelled.add(bytes.string() as BookingId, bytes.string() as HolderId);
  }
  const askerOf = (holder: HolderId): Asker => state.holders.get(holder) ?? { id: holder, hash: hashOf(holder) };
  if (format === FORMAT) {
    state.answers = yield* Answers.decode(bytes, askerOf);
    return;
  }
  const capacity = capacityFrom(bytes);
  const size = bytes.count(4);
  if (capacity < size) throw bytes.corrupt("the answers do not fit their table");
  state.answers = new Answers(capacity);
  for (let left = size; left > 0; left--) {
    if (left % STEP === 0) yield;
    const event = decodeEvent(bytes);
    if (!("rid" in event)) throw bytes.corrupt("nobody asked for an answer");
    state.answers.restore(askerOf(event.holder), event);
  }
}
