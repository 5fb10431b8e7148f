import type { FastifyRequest } from "fastify";
import mercurius from "mercurius";
import { Counter } from "prom-client";
import { Type } from "typebox";
import type { TokenVerifier } from "../../../platform/auth/index.ts";
import { parsedJson } from "../../../platform/json/index.ts";
import type { Registry } from "../../../platform/metrics/index.ts";
import type { ErrorCode } from "../../../proto/index.ts";
import { bearerToken, idempotencyKeyOf, Problem, problemOf, type Routes } from "../../../platform/http/index.ts";
import type { Asker } from "../asker.ts";
import { checkAffordable } from "./cost.ts";
import { QUERY_LENGTH_MAX, TOKENS_MAX } from "./limits.ts";
import { type PublicError, publicError } from "./public-error.ts";
import { type Context, type GraphqlParts, resolversOf } from "./resolvers.ts";
import { SCALARS, SCHEMA } from "./schema.ts";

declare module "mercurius" {
  interface MercuriusContext extends Context {}
}

const JSON_TYPE = "application/json";
/** As GraphQL over HTTP has it. */
const GRAPHQL_TYPE = "application/graphql-response+json";

const Nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]));
const AnyObject = Type.Object({}, { additionalProperties: true });

const GraphqlRequest = Type.Object(
  {
    query: Type.String({ minLength: 1, maxLength: QUERY_LENGTH_MAX }),
    variables: Nullable(AnyObject),
    operationName: Nullable(Type.String({ maxLength: 200 })),
    extensions: Nullable(AnyObject),
  },
  {
    additionalProperties: false,
    examples: [
      {
        query: "query Mine($id: ID!) { getBooking(bookingId: $id) { success message booking { status seats } } }",
        variables: { id: "bk_mY0b4S1q9kQf2hUu7x3LzA" },
      },
    ],
  },
);
const KeyHeader = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({ description: "Of a mutation: with the same key it holds, books and pays once." }),
  ),
});
const GraphqlAnswer = Type.Object(
  { data: Type.Optional(Type.Unknown()), errors: Type.Optional(Type.Array(AnyObject)) },
  {
    description:
      "As the GraphQL specification has it; an error's `extensions.code` is as in REST. Where nothing was executed there is no `data`.",
  },
);
const answered = (...types: readonly string[]) => ({
  description: "A GraphQL answer.",
  content: Object.fromEntries(types.map((type) => [type, { schema: GraphqlAnswer }])),
});
const EITHER = answered(JSON_TYPE, GRAPHQL_TYPE);
/** Of what was executed: as its own type that is 200. */
const AS_JSON = answered(JSON_TYPE);

/** At the root: `/graphql`, one operation per request. Strangers may look at the schema. */
export const graphqlRoutes =
  (parts: GraphqlParts, metrics: Registry): Routes =>
  async (app) => {
    const results = new Counter({
      name: "usher_graphql_results_total",
      help: "Answers of GraphQL with status 200, by the code of their first refusal; OK without.",
      labelNames: ["code"],
      registers: [metrics],
    });
    // A counter that begins at its first one has not increased by it.
    for (const code of ["OK", "UNAVAILABLE", "BUSY", "INTERNAL"]) results.inc({ code }, 0);
    await app.register(mercurius, {
      schema: SCHEMA,
      resolvers: { ...resolversOf(parts), ...SCALARS },
      routes: false,
      graphiql: false,
      cache: false, // It would keep what was refused too, with all that its errors hold: megabytes for each.
      graphql: { parseOptions: { maxTokens: TOKENS_MAX } },
      errorFormatter: ({ data, errors }) => ({ statusCode: 200, response: { data: data ?? null, errors } }),
    });
    app.graphql.addHook("preValidation", async (_schema, document) => checkAffordable(document));

    app.post(
      "/graphql",
      {
        schema: {
          operationId: "graphql",
          tags: ["bookings"],
          summary: "The same bookings as GraphQL: createBooking, processPayment, getBooking, getUserBookings",
          description:
            "Send `Authorization: Bearer`, and an `Idempotency-Key` with a mutation. The schema can be introspected. Who accepts `application/graphql-response+json` gets it, with status 200 for whatever was executed; as `application/json` an answer without data has the status of its first error.",
          security: [{ bearer: [] }, {}],
          headers: KeyHeader,
          body: GraphqlRequest,
          response: { 200: EITHER, 400: EITHER, 401: AS_JSON, 403: AS_JSON, 404: AS_JSON, 500: EITHER, 503: AS_JSON },
        },
        config: { problems: ["UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND"] },
      },
      async (request, reply) => {
        const { query, variables, operationName } = request.body;
        // Mercurius would take a parsed document too, and trust its shape.
        if (parsedJson(query) !== undefined)
          throw new Problem("BAD_MESSAGE", "body.query is not GraphQL.", { field: "body.query" });
        const asker = await askerOf(app.verifier, request);
        let code: ErrorCode | undefined;
        const refused = (error: unknown): Problem => {
          const problem = problemOf(error);
          code ??= problem.code;
          app.noteFailure(error, problem, request);
          return problem;
        };
        const { data, errors } = await app
          .graphql(query, { asker, refused }, variables ?? {}, operationName ?? undefined)
          .catch((error: unknown) => ({ data: null, errors: reasonsOf(error) }));
        const isOwnType = prefersOwnType(request.headers.accept);
        const told = (errors ?? []).map((error) => publicError(error, refused));
        const [first] = told;
        const wasExecuted = first === undefined || told.some(({ at }) => at.path !== undefined);
        // Its own type has status 200 for whatever was executed, and a refusal's headers go with its status. (The cast: to
        // the compiler a problem's status is any number.)
        if (!data && first && !(isOwnType && wasExecuted)) {
          void reply.code(first.problem.status as 200).headers(first.problem.headers());
        } else {
          results.inc({ code: code ?? first?.problem.code ?? "OK" });
        }
        void reply.header("cache-control", "no-store").type(`${isOwnType ? GRAPHQL_TYPE : JSON_TYPE}; charset=utf-8`);
        return {
          ...(wasExecuted && { data: data ?? null }),
          ...(first && { errors: told.map((error) => errorOf(error, request.id)) }),
        };
      },
    );
  };

async function askerOf(verifier: TokenVerifier, request: FastifyRequest): Promise<Asker | null> {
  const token = bearerToken(request);
  if (token === undefined) return null;
  const { userId, role } = await verifier.verify(token);
  return { userId, role, key: idempotencyKeyOf(request) };
}

/** What does not parse or validate is thrown, with the reasons in it. */
const reasonsOf = (error: unknown): readonly unknown[] =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors) ? error.errors : [error];

function errorOf({ problem, at }: PublicError, requestId: string) {
  const { code, detail: message, retryInMs } = problem.body(requestId);
  return { message, ...at, extensions: { code, ...(retryInMs !== undefined && { retryInMs }) } };
}

/** Who accepts anything gets JSON: clients from before there was a type of its own say no more. */
function prefersOwnType(accept = ""): boolean {
  const own = weightOf(accept, GRAPHQL_TYPE);
  return own > 0 && own >= weightOf(accept, JSON_TYPE);
}

/** RFC 9110, 12.4.2; 0 where it is not named. */
function weightOf(accept: string, type: string): number {
  const named = accept.split(",").map((range) => range.split(";").map((part) => part.trim().toLowerCase()));
  const parameters = named.find(([name]) => name === type);
  return parameters === undefined ? 0 : Number(parameters.find((part) => part.startsWith("q="))?.slice(2) ?? 1);
}
