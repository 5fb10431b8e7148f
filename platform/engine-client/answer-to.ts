import {
  ANSWER_OF,
  type AnswerTo,
  isErrorCode,
  type Refusal,
  type RequestOf,
  type RequestType,
} from "../../proto/index.ts";
import type { Engine } from "./engine-client.ts";

/**
 * Asks the engine, for an answer that is known to be of the request's own kind. A refusal whose code is of a newer engine is `INTERNAL`, with
 * its own words: whoever gets it looks its code up.
 * @throws TypeError when it is of another: a request id that another kind of request had before gets that one's answer again
 */
export async function answerTo<Type extends RequestType>(
  engine: Engine,
  request: RequestOf<Type>,
): Promise<AnswerTo<Type> | Refusal> {
  const reply = await engine.ask(request);
  if (reply.type !== "refused" && reply.type !== ANSWER_OF[request.type]) {
    throw new TypeError(`${request.type} was answered with ${reply.type}`);
  }
  if (reply.type === "refused" && !isErrorCode(reply.code)) return { ...reply, code: "INTERNAL" };
  return reply as AnswerTo<Type> | Refusal; // The lines above have compared the two.
}
