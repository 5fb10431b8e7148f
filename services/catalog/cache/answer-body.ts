import type { FastifyReply, FastifyRequest } from "fastify";
import { etagOf, isFresh } from "../../../platform/http/index.ts";

/** What a GET answers, written once for all who ask. */
export interface AnswerBody<Value> {
  readonly value: Value;
  /** Bytes, and not text that each answer would encode anew. */
  readonly json: Buffer;
  readonly etag: string;
}

export function answerBody<Value>(
  value: Value,
  tagOf: (value: Value, json: Buffer) => string = (_value, json) => etagOf(json),
): AnswerBody<Value> {
  const json = Buffer.from(JSON.stringify(value));
  return { value, json, etag: tagOf(value, json) };
}

/** An admin's change is seen by the next request: caches may keep the answer, and ask each time whether it still holds. */
const ASK_AGAIN = "public, max-age=0, must-revalidate";

export function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  { json, etag }: AnswerBody<unknown>,
): FastifyReply {
  void reply.header("cache-control", ASK_AGAIN);
  if (isFresh(request, reply, etag)) return reply.code(304).send();
  return reply.type("application/json; charset=utf-8").send(json);
}
