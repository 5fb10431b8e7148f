import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance, RouteOptions } from "fastify";
import { ERRORS, type ErrorCode } from "../../proto/index.ts";
import { portablePattern } from "../../proto/portable-pattern.ts";
import { PROBLEM_TYPE, ProblemBody } from "../../proto/rest/index.ts";
import { conditionOf, headersOf } from "./answers/described-headers.ts";
import { bodyOptional } from "./requests/json-body.ts";
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
  const routes = new Map<string, RouteOptions>();
  app.addHook("onRoute", (route) => {
    documentRoute(route);
    if (route.schema?.operationId !== undefined && route.method !== "HEAD") routes.set(route.schema.operationId, route);
  });
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
    transformObject: (document) => completed("openapiObject" in document ? document.openapiObject : {}, routes),
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { url: "/openapi.json", deepLinking: true, validatorUrl: null },
  });
  let document: string | undefined; // Written once: it is long, and anybody may ask for it.
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send((document ??= JSON.stringify(app.swagger()))),
  );
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
  // The cast: Fastify leaves open what a route gives here.
  for (const [status, own] of Object.entries((schema.response ?? {}) as Record<string, Response>))
    responses[status] = withProblem(own, responses[status]);
  schema.response = responses;
}

interface Response {
  readonly description?: string;
  readonly content?: Readonly<Record<string, object>>;
  readonly headers?: object;
}

/** A route may have refusals of its own, of another type. */
const withProblem = (own: Response, problem: Response | undefined): Response =>
  own.content && problem ? { ...problem, content: { ...own.content, ...problem.content } } : own;

function problemsOf(route: RouteOptions, roles: readonly string[] | undefined): Set<ErrorCode> {
  const codes = new Set<ErrorCode>([...(route.config?.problems ?? []), "UNAVAILABLE", "INTERNAL"]);
  if (route.config?.rateLimit !== false) codes.add("RATE_LIMITED");
  const takesBody = route.method !== "GET"; // It is read before it is found to be too much.
  const { querystring, params } = route.schema ?? {};
  if (takesBody || querystring || params) codes.add("BAD_MESSAGE");
  if (takesBody) codes.add("TOO_LARGE").add("UNSUPPORTED_MEDIA_TYPE");
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

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, Response>;
  readonly requestBody?: object;
  readonly parameters?: readonly object[];
}

/** The document with what the library that writes it has no way to say, or says wrongly: every body would be required, and no enum has a type. */
function completed(document: object, routes: ReadonlyMap<string, RouteOptions>): object {
  return JSON.parse(JSON.stringify(document), (key, value: unknown) => {
    if (key === "pattern" && typeof value === "string") return portablePattern(value);
    if (typeof value !== "object" || value === null) return value;
    if ("enum" in value && !("type" in value)) return { type: "string", ...value };
    if (!("operationId" in value && "responses" in value)) return value;
    // The cast: nothing but an operation has both.
    const operation = value as Operation;
    const route = routes.get(operation.operationId);
    return route === undefined ? operation : withHeaders(withBody(operation, route), route);
  }) as object; // JSON of an object is one.
}

function withBody(operation: Operation, { preValidation }: RouteOptions): Operation {
  const isOptional = [preValidation].flat().includes(bodyOptional);
  if (operation.requestBody === undefined || !isOptional) return operation;
  return { ...operation, requestBody: { ...operation.requestBody, required: false } };
}

function withHeaders(operation: Operation, route: RouteOptions): Operation {
  const condition = conditionOf(route);
  const responses: Record<string, Response> = {
    ...operation.responses,
    ...(condition?.name === "If-None-Match" && { 304: { description: "The client has what it would get." } }),
  };
  for (const [status, response] of Object.entries(responses)) {
    const headers = headersOf(route, status);
    if (Object.keys(headers).length > 0) responses[status] = { ...response, headers };
  }
  const parameter = condition && { ...condition, in: "header", required: false, schema: { type: "string" } };
  return { ...operation, responses, ...(parameter && { parameters: [...(operation.parameters ?? []), parameter] }) };
}

/** A shared schema goes by its own name among the components. */
const localName = (schema: Record<string, unknown>, _base: object, _fragment: string, index: number): string =>
  typeof schema["$id"] === "string" ? schema["$id"] : `Schema${index}`;
