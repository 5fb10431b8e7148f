import { expect, test } from "vitest";
import type { AnswerEvent } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { holder, START } from "../testing/fixtures.ts";
import { Answers, hashOf } from "./answers.ts";

const ANN = holder("ann");
const SEED = hashOf(ANN);
const closed = (rid: string, at = START): AnswerEvent => ({ type: "closed", at, holder: ANN, rid: rid as never });
const find = (answers: Answers, rid: string) => answers.find(SEED, ANN, rid as never);

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
