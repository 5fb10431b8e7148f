import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { InvalidToken, VerifierUnavailable } from "../../auth/index.ts";
import { isAway } from "../../bus/index.ts";
import type { Clock } from "../../clock/index.ts";
import { CountedLine } from "../../log/index.ts";
import { explainConnectionError } from "../../postgres/index.ts";
import { TooManyWaiting } from "../../turns/index.ts";
import { AWAY_TOLD_EVERY_MS, BODY_READ_AWAY_MAX, CROWDED_RETRY_MS } from "../limits.ts";
import { isProbe } from "../watching/probes.ts";
import { Problem, sendProblem } from "./problem.ts";

/** Writes down why a request failed, where that is our doing. @param problem what the client is told */
export type NoteFailure = (error: unknown, problem: Problem, request: FastifyRequest) => void;

declare module "fastify" {
  interface FastifyInstance {
    /** For what is answered past the error handler. */
    readonly noteFailure: NoteFailure;
  }
}

/** What is away, or full, fails many requests: they share their lines. */
export function failureNotes(clock: Clock): NoteFailure {
  const shared = new CountedLine(clock, AWAY_TOLD_EVERY_MS);
  return (error, { code, status }, request) => {
    if (status < 500) return;
    const { id: requestId, log, routeOptions } = request;
    const route = routeOptions.url ?? "none";
    if (isProbe(route)) return; // Its dependencies have lines of their own.
    if (code === "INTERNAL") return log.error({ err: error, requestId, route }, "a request failed");
    const why = error instanceof Problem ? { reason: error.message } : { err: error };
    shared.add((count) =>
      log.warn({ ...why, code, requestId, route, count }, "requests failed: what they need is away, or full"),
    );
  };
}

/** The one error handler of a server: whatever was thrown becomes a problem, and what is not the client's to know goes to the log alone. */
export function errorHandler(
  note: NoteFailure,
): (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    const problem = problemOf(error);
    note(error, problem, request);
    if (problem.code === "TOO_LARGE" && Number(request.headers["content-length"]) <= BODY_READ_AWAY_MAX) {
      // Node reads the rest away then. Closed now, the connection would be reset under the answer while the body still comes.
      void reply.removeHeader("connection");
    }
    void sendProblem(reply, problem, request.id);
  };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TooManyWaiting) return new Problem("BUSY", error.message, { retryInMs: CROWDED_RETRY_MS });
  if (error instanceof InvalidToken) return new Problem("UNAUTHORIZED", error.message);
  if (error instanceof VerifierUnavailable)
    return new Problem("UNAVAILABLE", "Tokens cannot be checked just now; try again.");
  if (isAway(error)) return new Problem("UNAVAILABLE", "Another of our services does not answer just now; try again.");
  // Asked first: a client's own connection breaks with the same codes as one to the database.
  if (isOfClient(error)) return ofClient(error);
  if (explainConnectionError(error))
    return new Problem("UNAVAILABLE", "The database cannot be used just now; try again.");
  return new Problem("INTERNAL", "Something went wrong on our side; the request id finds it in our log.");
}

/** Fastify and its plugins say so by a status. Not all of their errors have a code. */
const isOfClient = (error: unknown): error is FastifyError =>
  error instanceof Error &&
  "statusCode" in error &&
  typeof error.statusCode === "number" &&
  error.statusCode >= 400 &&
  error.statusCode < 500;

function ofClient(error: FastifyError): Problem {
  if (error.validation) return invalid(error);
  const known = BY_FASTIFY_CODE[error.code];
  if (known) return new Problem(known.code, known.detail);
  if (error.statusCode === 404) return new Problem("NOT_FOUND", "There is nothing at this address.");
  if (error.statusCode === 413) return new Problem("TOO_LARGE", "The body is too large.");
  return new Problem("BAD_MESSAGE", "The request cannot be met as it is.");
}

/** Fastify's own errors that a client can cause. */
const BY_FASTIFY_CODE: Readonly<Record<string, { code: ConstructorParameters<typeof Problem>[0]; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: "TOO_LARGE", detail: "The body is larger than this call takes." },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: "UNSUPPORTED_MEDIA_TYPE", detail: "Send the body as application/json." },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "BAD_MESSAGE",
    detail: "The body is not as long as Content-Length says.",
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: "BAD_MESSAGE", detail: "The body is empty, but its type is application/json." },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: "BAD_MESSAGE", detail: "The body is not valid JSON." },
  FST_ERR_BAD_URL: { code: "BAD_MESSAGE", detail: "The address is not a valid one." },
  FST_ERR_MAX_PARAM_LENGTH: { code: "NOT_FOUND", detail: "There is nothing at this address." },
};

function invalid(error: FastifyError): Problem {
  const part = PARTS[error.validationContext ?? ""] ?? "body";
  // Of what may be one thing or another, the deepest error is of the one that was meant.
  const [first] = (error.validation ?? []).toSorted((a, b) => depthOf(b) - depthOf(a));
  if (first === undefined) return new Problem("BAD_MESSAGE", `The ${part} is not as it should be.`);
  const path = first.instancePath.split("/").slice(1).map(unescapePointer);
  const field = [part, ...path, ...namedByKeyword(first.params)].join(".");
  return new Problem("BAD_MESSAGE", `${field} ${first.message ?? "is not as it should be"}.`, { field });
}

const depthOf = ({ instancePath }: { readonly instancePath: string }): number => instancePath.split("/").length;

const PARTS: Readonly<Record<string, string>> = {
  body: "body",
  querystring: "query",
  params: "path",
  headers: "header",
};

/** RFC 6901. */
const unescapePointer = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

/** A missing or unknown property is found in the object around it: its name is among the parameters. */
function namedByKeyword(params: Record<string, unknown>): string[] {
  const name = params["missingProperty"] ?? params["additionalProperty"];
  return typeof name === "string" ? [name.slice(0, 64)] : [];
}
