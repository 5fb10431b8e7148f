import { Type, type Static } from "typebox";
import { ERRORS, type ErrorCode } from "../errors.ts";

/** The media type of every refusal (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** `type` of a problem: stable, one for each code; a name, not an address to fetch. */
export const problemUri = (code: ErrorCode): string => `urn:usher:problem:${code.toLowerCase().replaceAll("_", "-")}`;

// The cast: Object.keys of a literal table gives its keys.
const codes = Object.keys(ERRORS) as ErrorCode[];

const BAD_TICKET_REASONS = [
  "forged",
  "void",
  "replaced",
  "too-early",
  "too-late",
  "other-showtime",
  "withdrawn",
] as const;

/** Whether a dependency answers. */
export const DependencyState = Type.Object({ state: Type.Enum(["up", "down"]) });

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
    version: Type.Optional(Type.Integer({ description: "CONFLICT: the version that is there now." })),
    labels: Type.Optional(Type.Array(Type.String(), { description: "CONFLICT: seats that a hall would lose." })),
    bookingId: Type.Optional(Type.String({ description: "HOLD_PINNED: the booking that the hold is part of." })),
    checkedInAt: Type.Optional(Type.String({ format: "date-time", description: "ALREADY_USED: when." })),
    seat: Type.Optional(Type.Integer({ description: "ALREADY_USED: the ticket's seat." })),
    label: Type.Optional(Type.String({ description: "ALREADY_USED: what people call that seat." })),
    reason: Type.Optional(Type.Enum([...BAD_TICKET_REASONS], { description: "BAD_TICKET: what is wrong with it." })),
    showtimeId: Type.Optional(
      Type.String({ description: "BAD_TICKET: the showtime that it is for. CONFLICT: the one whose seats would go." }),
    ),
    validFrom: Type.Optional(Type.String({ format: "date-time", description: "BAD_TICKET: too early before." })),
    validUntil: Type.Optional(Type.String({ format: "date-time", description: "BAD_TICKET: too late since." })),
    checks: Type.Optional(
      Type.Record(Type.String(), DependencyState, { description: "UNAVAILABLE of /health/ready: each dependency." }),
    ),
  },
  { $id: "Problem", additionalProperties: true, description: "RFC 9457 problem details." },
);
export type ProblemBody = Omit<Static<typeof ProblemBody>, "code"> & { code: ErrorCode };
type Common = "type" | "title" | "status" | "code" | "detail" | "requestId";
/** What a problem may say beside what all of them do. */
export type ProblemMembers = { readonly [Name in Exclude<keyof ProblemBody, Common>]?: Readonly<ProblemBody[Name]> };
