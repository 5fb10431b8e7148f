import type { Logger } from "../log/index.ts";

/**
 * A bus handler out of an async function. One that fails is logged and does not answer: the asker's time-out says, truly,
 * that the outcome is unknown.
 */
export const answerWith =
  <Question, Answer>(log: Logger, work: (question: Question) => Promise<Answer>) =>
  (question: Question, answer: (value: Answer) => void): void => {
    work(question).then(answer, (error: unknown) => log.error({ err: error }, "a request on the bus failed"));
  };
