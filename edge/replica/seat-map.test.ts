import fc from "fast-check";
import { expect, it } from "vitest";
import {
  checksumOf,
  type Delta,
  seatChange,
  seatOfChange,
  type ShowtimeId,
  statusOfChange,
} from "../../proto/index.ts";
import type { DeltaMessage } from "../../proto/ws/index.ts";
import { LIMITS } from "../limits.ts";
import { SeatMap } from "./seat-map.ts";

const SHOWTIME = "premiere" as ShowtimeId; // The cast: it is one.
const SEATS = 12;

/** The engine's side: a hall, and the delta of each commit. */
class Hall {
  readonly statuses: Uint8Array;
  seq = 0;

  constructor(seats = SEATS) {
    this.statuses = new Uint8Array(seats);
  }

  view() {
    return {
      type: "view",
      epoch: 1,
      seq: this.seq,
      statuses: this.statuses.slice(),
      checksum: checksumOf(this.statuses),
    } as const;
  }

  commit(changes: readonly (readonly [number, number])[], events = 1): Delta {
    const from = this.seq;
    this.seq += events;
    for (const [seat, status] of changes) this.statuses[seat] = status;
    const latest = Array.from(new Map(changes), ([seat, status]) => seatChange(seat, status));
    return { showtime: SHOWTIME, epoch: 1, from, seq: this.seq, changes: latest, checksum: checksumOf(this.statuses) };
  }
}

function lay(delta: DeltaMessage, over: Uint8Array): Uint8Array {
  const statuses = over.slice();
  for (const change of delta.changes) statuses[seatOfChange(change)] = statusOfChange(change);
  expect(checksumOf(statuses)).toBe(delta.checksum);
  return statuses;
}

const commits = fc.array(
  fc.record({
    changes: fc.array(fc.tuple(fc.nat(SEATS - 1), fc.nat(3)), { maxLength: 4 }),
    events: fc.integer({ min: 1, max: 3 }),
    isShown: fc.boolean(),
  }),
  { maxLength: 40 },
);

it("leads from every state that was ever shown to the one shown now, and by its frames from one to the next", () => {
  fc.assert(
    fc.property(commits, (steps) => {
      const hall = new Hall();
      const map = new SeatMap(SHOWTIME);
      expect(map.reset(hall.view())).toBe(true);
      const shown = [{ seq: 0, statuses: hall.statuses.slice() }];
      for (const { changes, events, isShown } of steps) {
        expect(map.apply(hall.commit(changes, events))).toBe(true);
        if (!isShown) continue;
        const last = shown.at(-1) as (typeof shown)[number]; // It begins with one.
        const frame = map.show() as DeltaMessage; // A commit has just been laid over it.
        expect(frame).toMatchObject({ from: last.seq, seq: hall.seq });
        expect(lay(frame, last.statuses)).toEqual(hall.statuses);
        expect(frame.changes.every((change) => last.statuses[seatOfChange(change)] !== statusOfChange(change))).toBe(
          true,
        );
        shown.push({ seq: hall.seq, statuses: hall.statuses.slice() });
      }
      const snapshot = map.snapshot();
      expect(snapshot.statuses).toEqual(shown.at(-1)?.statuses);
      expect(checksumOf(snapshot.statuses)).toBe(snapshot.checksum);
      for (const { seq, statuses } of shown) {
        const resume = map.resume(1, seq) as DeltaMessage; // Far fewer commits than are kept.
        expect(resume).toMatchObject({ from: seq, seq: snapshot.seq });
        expect(lay(resume, statuses)).toEqual(snapshot.statuses);
      }
    }),
  );
});

it("refuses what does not follow on what it knows, and passes over old news", () => {
  const hall = new Hall();
  const map = new SeatMap(SHOWTIME);
  map.reset(hall.view());
  const first = hall.commit([[1, 1]]);
  expect(map.apply(first)).toBe(true);
  expect(map.apply(first)).toBe(true);
  expect(map.apply({ ...first, epoch: 0, from: 1, seq: 2 })).toBe(true);
  expect(map.show()).toMatchObject({ changes: [seatChange(1, 1)] });
  expect(map.show()).toBeUndefined();
  const second = hall.commit([[2, 1]]);
  const third = hall.commit([[3, 1]]);
  expect(map.apply(third)).toBe(false);
  expect(map.apply({ ...second, epoch: 2 })).toBe(false);
  expect(map.apply({ ...second, changes: [seatChange(SEATS, 1)] })).toBe(false);
  map.reset({ ...hall.view() });
  expect(map.apply({ ...hall.commit([[4, 1]]), checksum: 1 })).toBe(false);
});

it("goes on with whom another edge had shown the hall, as far as the engine remembers", () => {
  const hall = new Hall();
  const before = hall.statuses.slice();
  const recent = [hall.commit([[1, 1]]), hall.commit([[2, 1]], 2), hall.commit([[1, 2]])];
  const map = new SeatMap(SHOWTIME);
  map.reset({ ...hall.view(), recent });
  const resume = map.resume(1, 0) as DeltaMessage; // All of it is remembered.
  expect(resume).toMatchObject({ from: 0, seq: 4 });
  expect(lay(resume, before)).toEqual(hall.statuses);
  expect(map.resume(1, 2)).toBeUndefined();
  expect(map.resume(1, 3)).toMatchObject({ changes: [seatChange(1, 2)] });

  const [first, second, third] = recent as [Delta, Delta, Delta]; // There are three.
  for (const [broken, from] of [
    [[first, third], 3],
    [[first, { ...second, epoch: 0 }, third], 3],
    [[first, second], 4],
    [[], 4],
  ] as const) {
    map.reset({ ...hall.view(), recent: broken });
    expect([0, 1, 3, 4].filter((seq) => map.resume(1, seq) !== undefined)).toEqual(from === 3 ? [3, 4] : [4]);
  }
});

it("does not take a view that contradicts itself or comes from an engine that was replaced", () => {
  const hall = new Hall();
  const map = new SeatMap(SHOWTIME);
  expect(map.reset({ ...hall.view(), checksum: 1 })).toBe(false);
  expect(map.reset({ ...hall.view(), epoch: 3 })).toBe(true);
  expect(map.reset({ ...hall.view(), epoch: 2 })).toBe(false);
});

it("remembers so many commits, and so many changes of seats in all, and no more", () => {
  const seats = 25_000;
  const hall = new Hall(seats);
  const map = new SeatMap(SHOWTIME);
  map.reset(hall.view());
  for (let at = 0; at < LIMITS.ringDeltasMax + 1; at++) map.apply(hall.commit([[at % SEATS, at % 4]]));
  map.show();
  expect(map.resume(1, 0)).toBeUndefined();
  expect(map.resume(1, 1)).toMatchObject({ from: 1 });
  expect(map.resume(1, hall.seq)).toMatchObject({ from: hall.seq, changes: [] });
  expect(map.resume(1, hall.seq + 1)).toBeUndefined();
  const some = Array.from({ length: 100 }, (_, seat): [number, number] => [seat, 1]);
  for (let at = 0; at <= LIMITS.ringChangesMax / 100; at++) map.apply(hall.commit(some));
  map.show();
  expect(map.resume(1, LIMITS.ringDeltasMax + 1)).toBeUndefined();
  expect(map.resume(1, hall.seq - 100)).toMatchObject({ seq: hall.seq });
});

it("remembers less of a small hall, which is sent whole sooner", () => {
  const hall = new Hall(200);
  const map = new SeatMap(SHOWTIME);
  map.reset(hall.view());
  // Seats so few that they alone would be told.
  for (let at = 0; at < 2_000; at++) map.apply(hall.commit([[at % 60, at % 4]]));
  map.show();
  const most = LIMITS.ringTimesResumed * LIMITS.resumeSeats;
  expect(map.resume(1, hall.seq - 60)?.changes).toHaveLength(60);
  expect(map.resume(1, hall.seq - most)).toMatchObject({ from: hall.seq - most });
  expect(map.resume(1, hall.seq - most - 1)).toBeUndefined();
  for (let at = 0; at <= most / 8; at++) map.apply(hall.commit(Array.from({ length: 8 }, (_, seat) => [seat, at % 4])));
  map.show();
  expect(map.resume(1, hall.seq - most / 8)).toMatchObject({ seq: hall.seq });
  expect(map.resume(1, hall.seq - most / 8 - 1)).toBeUndefined();
});

it.each([
  [200, LIMITS.resumeSeats],
  [2_000, 200],
])("of a hall of %i seats tells %i that were missed, and of more the whole hall", (seats, most) => {
  const hall = new Hall(seats);
  const map = new SeatMap(SHOWTIME);
  map.reset(hall.view());
  for (let seat = 0; seat <= most; seat++) map.apply(hall.commit([[seat, 1]]));
  map.show();
  expect(map.resume(1, 1)?.changes).toHaveLength(most);
  expect(map.resume(1, 0)).toBeUndefined();
});
