import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { type Clock, every } from "../../clock/index.ts";
import type { Logger } from "../../log/index.ts";
import { Poller } from "../../poller/index.ts";
import { guardOf, principalOf } from "../requests/guards.ts";
import { IDEMPOTENCY_KEY_LENGTH_MAX, IDEMPOTENCY_PRUNE_EVERY_MS, IDEMPOTENCY_RENEW_EVERY_MS } from "../limits.ts";
import { problemOf } from "../answers/errors.ts";
import { becomeProblem, Problem } from "../answers/problem.ts";
import type { IdempotencyStore, KeyedRequest } from "./store.ts";

interface Options {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Run {
  readonly request: KeyedRequest;
  readonly run: string;
}

declare module "fastify" {
  interface FastifyRequest {
    idempotentRun: Run | null;
  }
}

/** Beside the content type, what clients rely on in an answer. */
const OF_ANSWER = ["location", "etag"];
/** The id as well, which a problem has in its body: under it the logs have what was done, and of a repetition they have nothing. */
const KEPT_HEADERS = [...OF_ANSWER, "x-request-id"];
const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_LENGTH_MAX}}$`);

/** Makes `config: { idempotent: true }` work, and looks after the store until the server closes. */
export function addIdempotency(app: FastifyInstance, { store, clock, log }: Options): void {
  app.decorateRequest("idempotentRun", null);
  app.addHook("onRoute", (route) => {
    if (route.config?.idempotent !== true) return;
    if (guardOf(route) === undefined)
      throw new Error(`${route.url} is idempotent, but has no guard: whose key would it be?`);
    describeHeader(route);
    route.preHandler = [...[route.preHandler ?? []].flat(), (request, reply) => begin(store, request, reply)];
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      (request, reply, payload) => finish(store, request, reply, payload),
    ];
  });
  const pruning = new Poller({
    clock,
    log,
    what: "deleting old idempotency keys",
    everyMs: IDEMPOTENCY_PRUNE_EVERY_MS,
    restsFirst: true,
    work: () => store.prune(),
  });
  pruning.start();
  // One that hangs keeps no other waiting: the leases run out.
  const renewing = every(clock, IDEMPOTENCY_RENEW_EVERY_MS, () => {
    store.renew().catch((err: unknown) => log.warn({ err }, "idempotency keys could not be renewed"));
  });
  app.addHook("onClose", async () => {
    renewing.cancel();
    await pruning.stop();
    await store.close();
  });
}

/** The request's key, for whoever wants to hand the same on to the engine as request id. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && KEY.test(key)) return key;
  const detail = `Idempotency-Key must be 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters.`;
  throw new Problem("BAD_MESSAGE", detail, { field: "header.idempotency-key" });
}

async function begin(
  store: IdempotencyStore,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const key = idempotencyKeyOf(request);
  if (key === undefined) return undefined;
  const keyed = { userId: principalOf(request).userId, key, fingerprints: fingerprintsOf(request) };
  const claim = await store.claim(keyed);
  switch (claim.type) {
    case "run":
      request.idempotentRun = { request: keyed, run: claim.run };
      return undefined;
    case "replay":
      void reply.code(claim.answer.status).headers({ ...claim.answer.headers, "idempotency-replayed": "true" });
      if (claim.answer.contentType !== null) void reply.type(claim.answer.contentType);
      return reply.serializer(String).send(claim.answer.body ?? undefined);
    case "reused":
      throw new Problem("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used before with another request.");
    case "running":
      throw new Problem("IN_PROGRESS", "The first request with this Idempotency-Key is still running.", {
        retryInMs: claim.retryInMs,
      });
  }
}

/** Before the first byte of the answer leaves, it is stored: what the client has seen, a retry will see. */
async function finish(
  store: IdempotencyStore,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  const own = request.idempotentRun;
  if (own === null) return payload;
  request.idempotentRun = null;
  const status = reply.statusCode;
  const contentType = reply.getHeader("content-type");
  try {
    if (status >= 500 || status === 429) await store.release(own.request, own.run);
    else {
      await store.store(own.request, own.run, {
        status,
        contentType: typeof contentType === "string" ? contentType : null,
        headers: Object.fromEntries(
          KEPT_HEADERS.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
        ),
        body: typeof payload === "string" ? payload : null,
      });
    }
    return payload;
  } catch (error) {
    // Thrown from here, it would not come to the error handler when that has made the answer.
    request.log.error({ err: error, requestId: request.id }, "an answer could not be kept for its Idempotency-Key");
    if (status >= 500) return payload; // The key is free when its lease ends.
    for (const name of OF_ANSWER) reply.removeHeader(name);
    return becomeProblem(reply, problemOf(error), request.id);
  }
}

/** The first is kept. Earlier versions kept that of the fields as they came, and took an empty body for none, where a call takes nothing. */
function fingerprintsOf(request: FastifyRequest): KeyedRequest["fingerprints"] {
  const body = JSON.stringify(request.body ?? null, inOrder);
  const earlier = body === "{}" ? "null" : JSON.stringify(request.body ?? null);
  return [fingerprintOf(request, body), fingerprintOf(request, earlier)];
}

const fingerprintOf = ({ method, url }: FastifyRequest, body: string): Buffer =>
  createHash("sha256").update(`${method} ${url}\n`).update(body).digest();

/** The same body may be written with its fields in another order: a client's JSON need not keep any (RFC 8259). */
const inOrder = (_field: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
    : value;

function describeHeader(route: RouteOptions): void {
  route.schema ??= {};
  route.schema.headers = {
    type: "object",
    properties: {
      "idempotency-key": {
        type: "string",
        description: "The same key with the same request gets the first answer again, for a day.",
      },
    },
  };
}
