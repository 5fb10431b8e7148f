import type { FastifyRequest } from "fastify";
import mercurius from "mercurius";
import { Type } from "typebox";
import type { TokenVerifier } from "../../../platform/auth/index.ts";
import { parsedJson } from "../../../platform/json/index.ts";
import { bearerToken, idempotencyKeyOf, Problem, type Routes } from "../../../platform/http/index.ts";
import type { Asker } from "../asker.ts";
import { checkAffordable } from "./cost.ts";
import { QUERY_LENGTH_MAX, TOKENS_MAX } from "./limits.ts";
import { publicError } from "./public-error.ts";
import { type GraphqlParts, resolversOf } from "./resolvers.ts";
import { SCALARS, SCHEMA } from "./schema.ts";

declare module "mercurius" {
  interface MercuriusContext {
    /** Null for strangers. */
    readonly asker: Asker | null;
  }
}

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
const GraphqlAnswer = Type.Object(
  { data: Type.Optional(Type.Unknown()), errors: Type.Optional(Type.Array(AnyObject)) },
  { description: "As the GraphQL specification has it; an error's `extensions.code` is as in REST." },
);

/** At the root: `/graphql`, one operation per request. Strangers may look at the schema. */
export const graphqlRoutes =
  (parts: GraphqlParts): Routes =>
  async (app) => {
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
            "Send `Authorization: Bearer`, and an `Idempotency-Key` with a mutation. The schema can be introspected.",
          security: [{ bearer: [] }, {}],
          body: GraphqlRequest,
          response: { 200: GraphqlAnswer },
        },
        config: { problems: ["UNAUTHORIZED", "FORBIDDEN"] },
      },
      async (request, reply) => {
        const { query, variables, operationName } = request.body;
        // Mercurius would take a parsed document too, and trust its shape.
        if (parsedJson(query) !== undefined)
          throw new Problem("BAD_MESSAGE", "body.query is not GraphQL.", { field: "body.query" });
        const asker = await askerOf(app.verifier, request);
        const { data, errors } = await app
          .graphql(query, { asker }, variables ?? {}, operationName ?? undefined)
          .catch((error: unknown) => ({ data: null, errors: reasonsOf(error) }));
        void reply.header("cache-control", "no-store");
        if (errors === undefined) return { data };
        const told = errors.map((error) => publicError(error, request.log));
        const [first] = told;
        // The cast: other statuses than 200 have the same shape here, but are described as problems.
        if (!data && first) void reply.code(first.problem.status as 200);
        return {
          data: data ?? null,
          errors: told.map(({ problem: { message, code }, at }) => ({ message, ...at, extensions: { code } })),
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
