/** `USHER_MODEL_RUNS=10000 npx vitest run engine/core/model.test.ts` for the long form. fast-check prints the seed of a failure. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ANSWER_OF,
  ByteReader,
  ByteWriter,
  checksumOf,
  decodeEvent,
  encodeEvent,
  type Outcome,
  type Refusal,
} from "../../proto/index.ts";
import { createShowtime, decide, evolve, resume, type Decision, type ShowtimeState } from "./index.ts";
import {
  booking,
  Box,
  bytesOf,
  commandOf,
  hall,
  holdOf,
  LIMITS,
  SHOWTIME,
  START,
  stateOf,
  type Wish,
} from "./testing/fixtures.ts";
import { Model, type Verdict } from "./testing/model.ts";

const RUNS = Number(process.env["USHER_MODEL_RUNS"] ?? 1_000);
const SEATS = 8;
const BOX_LIMITS = { ...LIMITS, holdTtlMs: 30, holdMaxMs: 45, paymentTtlMs: 20, maxSeatsPerHolder: 4 };
/** Later than most histories get. */
const ENDS = { salesEndAt: START + 120, showEndsAt: START + 150 };

type Step =
  | {
      readonly kind: "ask";
      readonly who: string;
      readonly rid: number | undefined;
      readonly wish: Wish;
      readonly number: number;
    }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "expire" }
  | { readonly kind: "resume"; readonly ms: number };

const seats = fc.array(fc.integer({ min: 0, max: SEATS }), { maxLength: 3 });
const some = fc.uniqueArray(fc.integer({ min: 0, max: SEATS - 1 }), { minLength: 1, maxLength: 3 });
const number = fc.integer({ min: 1, max: 8 });
const bookings = fc.constantFrom("b1", "b2", "b3").map(booking);

const asks = fc
  .record({
    who: fc.constantFrom("ann", "bob", "cem"),
    rid: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 8 }),
    number,
  })
  .chain(({ who, rid, number: named }) => {
    const hold = holdOf(named);
    const wish: fc.Arbitrary<Wish> = fc.oneof(
      { weight: 6, arbitrary: seats.map((list): Wish => ({ type: "hold", seats: list })) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }).map((count): Wish => ({ type: "hold-best", count })) },
      { weight: 2, arbitrary: fc.constant<Wish>({ type: "extend", hold }) },
      { weight: 2, arbitrary: fc.constant<Wish>({ type: "release", hold }) },
      { weight: 1, arbitrary: seats.map((list): Wish => ({ type: "release", hold, seats: list })) },
      { weight: 2, arbitrary: bookings.map((id): Wish => ({ type: "pin", hold, booking: id })) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(bookings, seats, fc.boolean())
          .map(([id, list, reacquire]): Wish => ({ type: "confirm", hold, booking: id, seats: list, reacquire })),
      },
      { weight: 1, arbitrary: bookings.map((id): Wish => ({ type: "cancel", booking: id })) },
      { weight: 1, arbitrary: some.map((list): Wish => ({ type: "block", seats: list })) },
      { weight: 1, arbitrary: some.map((list): Wish => ({ type: "unblock", seats: list })) },
    );
    return wish.map((each): Step => ({ kind: "ask", who, rid, wish: each, number: named }));
  });

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: asks },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 25 }).map((ms): Step => ({ kind: "wait", ms })) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "expire" }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 50 }).map((ms): Step => ({ kind: "resume", ms })) },
    {
      weight: 1,
      arbitrary: fc.constant<Step>({ kind: "ask", who: "admin", rid: undefined, wish: { type: "close" }, number: 0 }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

test("decides as the model does, and its events give its state, byte for byte", () => {
  fc.assert(
    fc.property(steps, fc.nat(), (all, cut) => {
      const box = new Box(hall("....", "...."), ENDS, BOX_LIMITS);
      const model = new Model(SEATS, BOX_LIMITS, ENDS);
      const answers = new Map<string, Outcome>();
      let middle: { readonly bytes: Uint8Array; readonly events: number } | undefined;
      all.forEach((step, at) => {
        take(box, model, step, answers);
        expect(box.look).toBe(Array.from({ length: SEATS }, (_, seat) => model.look(seat)).join(""));
        if (at === cut % all.length) middle = { bytes: bytesOf(box.state), events: box.events.length };
      });
      expect(box.state.checksum).toBe(checksumOf(box.state.status));
      const final = bytesOf(box.state);
      const events = throughBytes(box);
      expect(bytesOf(replayed(createShowtime(SHOWTIME), events))).toEqual(final);
      if (middle === undefined) return;
      const resumed = stateOf(middle.bytes);
      expect(bytesOf(resumed)).toEqual(middle.bytes);
      expect(bytesOf(replayed(resumed, events.slice(middle.events)))).toEqual(final);
      expect(probed(resumed, box.now)).toEqual(probed(box.state, box.now));
    }),
    { numRuns: RUNS },
  );
}, 600_000);

function take(box: Box, model: Model, step: Step, answers: Map<string, Outcome>): void {
  switch (step.kind) {
    case "wait":
      box.now += step.ms;
      return;
    case "expire":
      expect(box.expireDue()).toEqual(model.expire(box.now));
      return;
    case "resume": {
      const event = resume(box.state, step.ms, (box.now += step.ms));
      if (event === undefined) return;
      box.record(event);
      return model.resume(step.ms);
    }
    case "ask": {
      const { who, rid, wish } = step;
      const before = box.events.length;
      const looked = box.look;
      const answer = box.ask(who, wish, rid === undefined ? undefined : `again${rid}`);
      const first = rid === undefined ? undefined : answers.get(`${who} ${rid}`);
      if (first !== undefined) return expect(answer).toEqual(first);
      expect([ANSWER_OF[wish.type], "refused"]).toContain(answer.type);
      expect(answer).toMatchObject(verdict(model, step, answer, looked, box.now));
      if (rid !== undefined && answer.type !== "refused" && box.events.length > before)
        answers.set(`${who} ${rid}`, answer);
    }
  }
}

function verdict(
  model: Model,
  step: Step & { kind: "ask" },
  answer: Outcome | Refusal,
  looked: string,
  now: number,
): Verdict {
  const { who, wish, number: named } = step;
  switch (wish.type) {
    case "hold":
      return model.hold(who, [...wish.seats], now);
    case "hold-best": {
      // Which seats are best is specified elsewhere; here they must be free neighbours, and there must be none when refused.
      if (!model.sells(now)) return { type: "refused", code: "SALE_CLOSED" };
      if (model.overLimit(who, wish.count)) return { type: "refused", code: "LIMIT_REACHED" };
      const rows = [looked.slice(0, 4), looked.slice(4)];
      const row = rows.some((each) => each.includes(".".repeat(wish.count)));
      if (!row || answer.type !== "held")
        return { type: row ? "held" : "refused", ...(!row && { code: "NOT_ENOUGH_SEATS" }) };
      const group = answer.seats.map((seat) => looked[seat]).join("");
      expect(group).toBe(".".repeat(wish.count));
      expect((answer.seats.at(-1) ?? 0) - (answer.seats[0] ?? 0)).toBe(wish.count - 1);
      return model.held(who, [...answer.seats], now);
    }
    case "extend":
      return model.extend(who, named, now);
    case "release":
      return model.release(who, wish, named, now);
    case "pin":
      return model.pin(who, wish.booking, named, now);
    case "confirm":
      return model.confirm(who, wish, named, now);
    case "cancel":
      return model.cancel(who, wish);
    case "block":
    case "unblock":
      return model.block(wish.type, wish.seats);
    case "close":
      model.closed = true;
      return { type: "done" };
    case "open":
    case "amend":
      throw new Error("not among the steps");
  }
}

function throughBytes(box: Box) {
  const out = new ByteWriter();
  for (const event of box.events) encodeEvent(out, event);
  const bytes = new ByteReader(out.finish());
  const events = box.events.map(() => decodeEvent(bytes));
  bytes.end();
  expect(events).toEqual(box.events);
  return events;
}

/** What a state would decide next: bytes show only what is written, not what was left out. */
function probed(state: ShowtimeState, now: number): Decision[] {
  const wishes: Wish[] = [
    { type: "hold", seats: [0] },
    { type: "hold-best", count: 2 },
  ];
  for (let hold = 1; hold <= 8; hold++) {
    wishes.push({ type: "extend", hold: holdOf(hold) }, { type: "release", hold: holdOf(hold) });
    wishes.push(
      { type: "pin", hold: holdOf(hold), booking: booking("b1") },
      { type: "cancel", booking: booking("b1") },
    );
  }
  return ["ann", "bob", "cem"].flatMap((who) =>
    wishes.map((wish) => decide(state, commandOf(who, wish, "new"), now, BOX_LIMITS)),
  );
}

function replayed(state: ShowtimeState, events: Parameters<typeof evolve>[1][]): ShowtimeState {
  for (const event of events) evolve(state, event);
  return state;
}
