import { Type, type Static } from "typebox";
import { ERRORS, type ErrorCode } from "../errors.ts";

/** The media type of every refusal (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** `type` of a problem: stable, one for each code; a name, not an address to fetch. */
export const problemUri = (code: ErrorCode): string => `urn:usher:problem:${code.toLowerCase().replaceAll("_", "-")}`;

// The cast: Object.keys of a literal table gives its keys.
const codes = Object.keys(ERRORS) as ErrorCode[];

export const ProblemBody = Type.Object(
  {
    type: Type.String({ description: "A name for this kind of problem, one for each code." }),
    title: Type.String({ description: "The same for every problem of this code." }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ enum: codes }),
    detail: Type.String({ description: "What was wrong this time, for people." }),
    requestId: Type.String({
      description:
        "As in the header x-request-id and in our logs. Of an answer that is given again (`Idempotency-Replayed`) both are the first request's.",
    }),
    field: Type.Optional(
      Type.String({ description: "BAD_MESSAGE: the part of the request that was wrong, such as `body.email`." }),
    ),
    seats: Type.Optional(Type.Array(Type.Integer(), { description: "Seat indexes that the refusal is about." })),
    retryInMs: Type.Optional(
      Type.Integer({ description: "When to try again, milliseconds; also as Retry-After in seconds." }),
    ),
  },
  { $id: "Problem", additionalProperties: true, description: "RFC 9457 problem details." },
);
export type ProblemBody = Omit<Static<typeof ProblemBody>, "code"> & { code: ErrorCode };
