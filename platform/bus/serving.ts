import type { Endpoint } from "../../proto/index.ts";
import type { Logger } from "../log/index.ts";
import type { Bus, Subscription } from "./bus.ts";

/**
 * Serves an endpoint with an async function, in turn with all who are of the queue. One that fails is logged and does not answer: the asker's
 * time-out says, truly, that the outcome is unknown.
 */
export const serving =
  (bus: Bus, log: Logger, queue: string) =>
  <Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    work: (question: Question) => Promise<Answer>,
  ): Subscription =>
    bus.serve(
      endpoint,
      (question, answer) => {
        work(question).then(answer, (error: unknown) => log.error({ err: error }, "a request on the bus failed"));
      },
      { queue },
    );
