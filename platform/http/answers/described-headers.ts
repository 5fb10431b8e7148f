import type { RouteOptions } from "fastify";

const text = (description: string) => ({ description, schema: { type: "string" } }) as const;
const whole = (description: string) => ({ description, schema: { type: "integer" } }) as const;

const HEADERS = {
  ETag: text("Of this version: for If-None-Match, and for If-Match where the address takes changes."),
  Location: text("The address of what was made, or is being paid for."),
  "Content-Disposition": text("The file's name."),
  "Idempotency-Replayed": text("`true`: the first answer to this Idempotency-Key, given again."),
  "WWW-Authenticate": text("How to sign in (RFC 6750)."),
  "Retry-After": whole("When to try again, in seconds."),
  "X-RateLimit-Limit": whole("Requests of an address in a window."),
  "X-RateLimit-Remaining": whole("How many are left of them."),
  "X-RateLimit-Reset": whole("When the next window begins, in seconds from now."),
} as const;
type HeaderName = keyof typeof HEADERS;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Headers of its success, for the API's description. */
    sends?: readonly ("ETag" | "Location" | "Content-Disposition")[];
    /** A GET takes `If-None-Match`, any other `If-Match`; where the answer has a body, it has an `ETag`. */
    conditional?: true;
  }
}

const OF_STATUS: Readonly<Record<string, readonly HeaderName[]>> = {
  401: ["WWW-Authenticate"],
  429: ["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
  503: ["Retry-After"],
};

/** What an answer of this route may have, beside the headers of every answer. */
export function headersOf({ config = {} }: RouteOptions, status: string): Partial<typeof HEADERS> {
  const names: HeaderName[] = [...(OF_STATUS[status] ?? [])];
  if (status.startsWith("2")) names.push(...(config.sends ?? []));
  if (config.conditional && ["200", "304"].includes(status)) names.push("ETag");
  // Of the others none is kept: they are refused before a key is looked up, or tried again.
  const isKept = !["401", "413", "415", "429"].includes(status) && !status.startsWith("5");
  if (config.idempotent && isKept) names.push("Idempotency-Replayed");
  if (config.idempotent && status === "409") names.push("Retry-After"); // IN_PROGRESS
  return Object.fromEntries(names.map((name) => [name, HEADERS[name]]));
}

/** Described alone: a schema of the route's would be held against every request's headers. */
export function conditionOf({ method, config }: RouteOptions): { name: string; description: string } | undefined {
  if (!config?.conditional) return undefined;
  return method === "GET"
    ? { name: "If-None-Match", description: "The ETag of what the client has: 304 where that is still so." }
    : {
        name: "If-Match",
        description: "The ETag of what the change was made from: `CONFLICT` where that is no more so.",
      };
}
