import fc from "fast-check";
import { expect, test } from "vitest";
import { type AnswerEvent, ByteReader, ByteWriter } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { allSteps } from "../steps.ts";
import { holder, START } from "../testing/fixtures.ts";
import { Answers } from "./answers.ts";
import { hashOf } from "./hash.ts";

const ANN = holder("ann");
const SEED = hashOf(ANN);
const closed = (rid: string, at = START): AnswerEvent => ({ type: "closed", at, holder: ANN, rid: rid as never });
const find = (answers: Answers, rid: string) => answers.find(SEED, ANN, rid as never);

const encoded = (answers: Answers): Uint8Array => {
  const out = new ByteWriter();
  allSteps(answers.encode(out));
  return out.finish();
};

function decoded(bytes: Uint8Array): Answers {
  return allSteps(Answers.decode(new ByteReader(bytes), (id) => ({ id, hash: hashOf(id) })));
}

test("keeps as many as it may, and forgets the oldest first", () => {
  const answers = new Answers();
  for (let at = 0; at < CORE_LIMITS.answersMax + 10; at++) answers.add({ id: ANN, hash: SEED }, closed(`r${at}`));
  expect(answers.size).toBe(CORE_LIMITS.answersMax);
  expect(find(answers, "r9")).toBeUndefined();
  expect(find(answers, "r10")).toEqual(closed("r10"));
  expect(find(answers, `r${CORE_LIMITS.answersMax + 9}`)).toBeDefined();
  expect([...answers.events()][0]).toEqual(closed("r10"));
});

test("forgets what is too old, a little with every new one", () => {
  const answers = new Answers();
  for (let at = 0; at < 200; at++) answers.add({ id: ANN, hash: SEED }, closed(`old${at}`));
  for (let at = 0; at < 150; at++)
    answers.add({ id: ANN, hash: SEED }, closed(`new${at}`, START + CORE_LIMITS.answerAgeMs + 1));
  expect(answers.size).toBe(150);
  expect(find(answers, "old199")).toBeUndefined();
  expect(find(answers, "new0")).toBeDefined();
});

test("tells holders apart even when their requests hash the same", () => {
  const answers = new Answers();
  answers.add({ id: ANN, hash: SEED }, closed("r"));
  expect(answers.find(SEED, holder("bob"), "r" as never)).toBeUndefined();
});

test("gives back what was written, whatever became of the room it lay in", () => {
  const rid = fc.string({ unit: "binary", minLength: 1, maxLength: 64 });
  const seats = fc.array(fc.nat(65_535), { maxLength: 200 });
  const number = fc.maxSafeNat();
  // The cast: the fields are those of the types, with ids that have no brand.
  const event = fc.oneof(
    fc.record({ type: fc.constant("held"), rid, hold: number, seats, deadline: number }),
    fc.record({ type: fc.constant("released"), rid, hold: number, seats }),
    fc.record({ type: fc.constant("extended"), rid, hold: number, deadline: number }),
    fc.record({ type: fc.constant("blocked"), rid, seats }),
  ) as fc.Arbitrary<AnswerEvent>;
  const step = fc.record({
    event,
    pauseMs: fc.constantFrom(0, 0, 0, CORE_LIMITS.answerAgeMs / 64),
    looks: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 400, size: "max" }), (steps) => {
      const answers = new Answers();
      const written: AnswerEvent[] = [];
      let at = START;
      for (const { event: made, pauseMs, looks } of steps) {
        at += pauseMs;
        const next = { ...made, at, holder: ANN };
        if (looks) find(answers, next.rid);
        answers.add({ id: ANN, hash: SEED }, next);
        written.push(next);
      }
      const kept = [...answers.events()];
      expect(kept).toEqual(written.slice(-kept.length));
      const read = decoded(encoded(answers));
      expect(encoded(read)).toEqual(encoded(answers));
      const asNumbers = ({ type }: AnswerEvent): boolean => type !== "blocked";
      expect([...read.events()].filter(asNumbers)).toEqual(kept.filter(asNumbers));
      for (const answer of kept.slice(-20)) {
        if (asNumbers(answer)) expect(find(read, answer.rid)).toEqual(find(answers, answer.rid));
        expect(find(answers, answer.rid)).toEqual(kept.findLast((other) => other.rid === answer.rid));
      }
    }),
    { numRuns: 60 },
  );
});
