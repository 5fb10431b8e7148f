import type { FastifyReply } from "fastify";
import { ERRORS, type ErrorCode } from "../../../proto/index.ts";
import { PROBLEM_TYPE, problemUri, type ProblemBody, type ProblemMembers } from "../../../proto/rest/index.ts";
import { RETRY_IN_MS } from "../limits.ts";

/** A refusal for the client: thrown anywhere under a route, sent as problem+json (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ErrorCode;
  /** Further members of the body, such as `seats`, `field` or `retryInMs`. */
  readonly extra: ProblemMembers;

  /** @param detail for the client's eyes: no secrets, no internals */
  constructor(code: ErrorCode, detail: string, extra: ProblemMembers = {}) {
    super(detail);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** Headers of its answer, beside those that any answer has. */
  headers(): Readonly<Record<string, string | number>> {
    const { retryInMs } = { ...this.#retry(), ...this.extra };
    return {
      ...(typeof retryInMs === "number" ? { "retry-after": Math.max(1, Math.ceil(retryInMs / 1000)) } : {}),
      ...(this.status === ERRORS.UNAUTHORIZED.status ? { "www-authenticate": 'Bearer realm="usher"' } : {}),
      "cache-control": "no-store",
      "content-type": PROBLEM_TYPE,
    };
  }

  body(requestId: string): Omit<ProblemBody, keyof ProblemMembers> & ProblemMembers {
    const { code, status, message: detail } = this;
    return {
      ...this.#retry(),
      ...this.extra,
      type: problemUri(code),
      title: titleOf(code),
      status,
      code,
      detail,
      requestId,
    };
  }

  #retry(): { retryInMs?: number } {
    return status503or429(this.status) ? { retryInMs: RETRY_IN_MS } : {};
  }
}

/** Sends it past the route's own serializers, whose schemas speak of success. */
export const sendProblem = (reply: FastifyReply, problem: Problem, requestId: string): FastifyReply =>
  reply.serializer(String).send(becomeProblem(reply, problem, requestId));

/** Status and headers of the answer become the problem's. @returns its body, to be sent as it is */
export function becomeProblem(reply: FastifyReply, problem: Problem, requestId: string): string {
  void reply.code(problem.status).headers(problem.headers());
  return JSON.stringify(problem.body(requestId));
}

const status503or429 = (status: number): boolean => status === 503 || status === 429;

/** `SEAT_TAKEN` as "Seat taken". */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
