/** docs/reference/rest.md: every call of the OpenAPI document, one per line. */
import {
  DEVICES_OF_ADDRESS,
  GUESTS_OF_ADDRESS,
  LOGINS_OF_ADDRESS,
  LOGOUTS_OF_ADDRESS,
  REGISTRATIONS_OF_ADDRESS,
} from "../../services/identity/limits.ts";
import { WEBHOOKS_PER_SECOND_MAX } from "../../services/payments/limits.ts";

interface Schema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, object>>;
  readonly anyOf?: readonly Schema[];
}

export interface ReferredOperation {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly responses: Readonly<Record<string, object>>;
}

export interface ReferredDocument {
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ReferredOperation>>>>;
}

const OWN_LIMITS = (
  [
    ["guests", GUESTS_OF_ADDRESS],
    ["registrations", REGISTRATIONS_OF_ADDRESS],
    ["sign-ins of devices", DEVICES_OF_ADDRESS],
    ["logins, and as many `PUT /auth/me`", LOGINS_OF_ADDRESS],
    ["sign-outs, and as many changes of passwords and deletions of one's account", LOGOUTS_OF_ADDRESS],
  ] as const
)
  .map(([what, { max }]) => `${max.toLocaleString("en")} ${what}`)
  .join("; ");

const HEAD = `# REST

Every call, made from the OpenAPI document of a running server (\`/openapi.json\`), which has types, bounds, examples and refusals; \`/docs\` lets you try them. A field in brackets may be left out. Refusals are \`application/problem+json\` with a \`code\` of [proto/errors.ts](../../proto/errors.ts).

An address, of IPv6 a /64 network, may send [\`REQUESTS_PER_SECOND\`](settings.md) (2,000) and have 1,000 requests under way whose bodies have not arrived: past that \`RATE_LIMITED\`, with \`retryInMs\`. Of a process's 10,000 connections it may have half. Some calls count apart, by limits that no setting changes, in a minute: ${OWN_LIMITS}; of gateways' webhooks ${WEBHOOKS_PER_SECOND_MAX.toLocaleString("en")} a second.

A \`PUT\` puts what it is sent in the place of what is there: a field that is left out goes back to what it is when the \`POST\` leaves it out. So read the thing first, and send all of it that the call takes; a showtime shows its \`prices\` as \`categories\`, of each of which send the \`id\` as \`category\` and all four of its \`prices\`. What may be left out is of a hall \`cleaningMinutes\` (15), \`orphanRule\` (\`none\`) and \`accessibleRelease\` (\`always\`); of a showtime \`premiere\` (false), and \`endsAt\`, \`salesEndAt\` and \`cancelUntil\`, reckoned from \`startsAt\`, while \`salesStartAt\` stays; of a webhook \`description\` (none) and \`enabled\` (true: a paused one goes on). \`PUT /auth/me\` alone leaves what it is not sent; a \`name\` of null takes the name back. What the catalogue shows has a \`version\` and an \`ETag\`: a \`PUT\` that names the \`version\`, or a \`PUT\` or \`DELETE\` with the \`ETag\` in \`If-Match\`, is 409 \`CONFLICT\` once somebody else has changed it; one that names neither is done, whatever is there.
`;

export function renderRestReference({ tags, paths }: ReferredDocument): string {
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ call: `${method.toUpperCase()} ${path}`, operation })),
  );
  const parts = tags.map(({ name, description = "" }) => {
    const lines = calls.filter(({ operation }) => operation.tags.includes(name)).map(lineOf);
    return [
      `## ${name}`,
      "",
      description,
      "",
      "| call | who | takes | does | success |",
      "| --- | --- | --- | --- | --- |",
      ...lines,
    ];
  });
  return [HEAD, ...parts.map((part) => `${part.join("\n")}\n`)].join("\n");
}

const lineOf = ({ call, operation }: { readonly call: string; readonly operation: ReferredOperation }): string =>
  `| \`${call}\` | ${whoOf(operation)} | ${takesOf(operation)} | ${operation.summary} | ${successOf(operation)} |`;

/** Roles stand in the description, where the kernel writes them. */
function whoOf({ security = [], description = "" }: ReferredOperation): string {
  if (security.length === 0) return "anyone";
  const named = /Roles: (.*)\.$/m.exec(description)?.[1];
  if (named !== undefined) return named;
  return security.some((way) => Object.keys(way).length === 0) ? "anyone, or signed in" : "signed in";
}

function takesOf({ parameters = [], requestBody }: ReferredOperation): string {
  const asked = parameters
    .filter((parameter) => parameter.in === "query")
    .map(({ name, required = false }) => (required ? `\`?${name}\`` : `[\`?${name}\`]`));
  const schema: Schema | undefined = requestBody?.content["application/json"]?.schema;
  return [...asked, ...(schema === undefined ? [] : fieldsOf(schema))].join(" ");
}

const fieldsOf = ({ required = [], properties = {}, anyOf }: Schema): string[] =>
  anyOf === undefined
    ? Object.keys(properties).map((name) => (required.includes(name) ? `\`${name}\`` : `[\`${name}\`]`))
    : [anyOf.map((form) => fieldsOf(form).join(" ")).join(", or ")];

const successOf = ({ responses }: ReferredOperation): string =>
  Object.keys(responses)
    .filter((status) => status.startsWith("2"))
    .join(", ");
