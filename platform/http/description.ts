import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance, RouteOptions } from "fastify";
import { ERRORS, type ErrorCode } from "../../proto/index.ts";
import { PROBLEM_TYPE, ProblemBody } from "../../proto/rest/index.ts";
import { guardOf } from "./requests/guards.ts";

const TAGS = [
  { name: "accounts", description: "Signing up and in; users, guests and devices." },
  { name: "catalogue", description: "Movies, cinemas, halls, showtimes and their seats." },
  { name: "holds", description: "Seats kept for a holder for a few minutes." },
  { name: "bookings", description: "Holds that become tickets once they are paid, and money that goes back." },
  { name: "payments", description: "What payment gateways tell us." },
  { name: "tickets", description: "A code for each booked seat, and the gate that it opens." },
  { name: "webhooks", description: "Events for the systems of others." },
  { name: "operations", description: "For probes and dashboards." },
];

/** OpenAPI 3.1 at /openapi.json, made from the routes' own schemas, and a page to read and try it at /docs. */
export async function describe(app: FastifyInstance, version: string): Promise<void> {
  app.addSchema(ProblemBody);
  app.addHook("onRoute", documentRoute);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Usher",
        version,
        description: "Sells seats live. Refusals are problem+json (RFC 9457) with a stable `code`; times are UTC.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: TAGS,
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } } },
    },
    refResolver: { buildLocalReference: localName },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { url: "/openapi.json", deepLinking: true, validatorUrl: null },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}

/** What the kernel knows of a route is written into its description here, so that no route has to repeat it. */
function documentRoute(route: RouteOptions): void {
  const schema = (route.schema ??= { hide: true });
  // The HEAD of a GET shares its schema, in which all of this stands already.
  if (schema.hide === true || route.method === "HEAD") return;
  const roles = guardOf(route);
  if (roles !== undefined) schema.security = [{ bearer: [] }];
  if (roles !== undefined && roles.length > 0) {
    schema.description = [schema.description, `Roles: ${roles.join(", ")}.`].filter(Boolean).join("\n\n");
  }
  const responses: Record<string, Response> = problemResponses(problemsOf(route, roles));
  for (const [status, own] of Object.entries<Response>(schema.response ?? {}))
    responses[status] = withProblem(own, responses[status]);
  schema.response = responses;
}

interface Response {
  readonly description?: string;
  readonly content?: Readonly<Record<string, object>>;
}

/** A route may have refusals of its own, of another type. */
const withProblem = (own: Response, problem: Response | undefined): Response =>
  own.content && problem ? { ...problem, content: { ...own.content, ...problem.content } } : own;

function problemsOf(route: RouteOptions, roles: readonly string[] | undefined): Set<ErrorCode> {
  const codes = new Set<ErrorCode>([...(route.config?.problems ?? []), "RATE_LIMITED", "UNAVAILABLE", "INTERNAL"]);
  const { body, querystring, params } = route.schema ?? {};
  if (body ?? querystring ?? params) codes.add("BAD_MESSAGE");
  if (body) codes.add("TOO_LARGE").add("UNSUPPORTED_MEDIA_TYPE");
  if (roles !== undefined) codes.add("UNAUTHORIZED");
  if (roles !== undefined && roles.length > 0) codes.add("FORBIDDEN");
  if (route.config?.idempotent) codes.add("IDEMPOTENCY_KEY_REUSED").add("IN_PROGRESS").add("BAD_MESSAGE");
  return codes;
}

function problemResponses(codes: ReadonlySet<ErrorCode>): Record<string, Response> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, meaning } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${meaning}`]);
  }
  const content = { [PROBLEM_TYPE]: { schema: { $ref: "Problem#" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join("\n\n"), content }]),
  );
}

/** A shared schema goes by its own name among the components. */
const localName = (schema: Record<string, unknown>, _base: object, _fragment: string, index: number): string =>
  typeof schema["$id"] === "string" ? schema["$id"] : `Schema${index}`;
