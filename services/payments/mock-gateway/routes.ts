import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply } from "fastify";
import { hash, timingSafeEqual } from "node:crypto";
import { Type } from "typebox";
import { type Clock, sleep } from "../../../platform/clock/index.ts";
import { closed } from "../../../proto/rest/index.ts";
import { Faults } from "./faults.ts";
import { type LedgerPayment, type MockLedger, Refused } from "./ledger.ts";
import { DESCRIPTION_LENGTH_MAX, LIST_LIMIT } from "./limits.ts";
import { homePage, paymentPage } from "./page.ts";

interface Options {
  readonly ledger: MockLedger;
  readonly clock: Clock;
  /** How buyers reach this server. */
  url(): string;
  faults(): Faults;
  /** A decision may be due. */
  nudge(): void;
}

const Id = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
const Amount = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const Time = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,3})?Z$" });
const ById = Type.Object({ id: Id });
const Keyed = Type.Object({ "idempotency-key": Id });

const Order = Type.Object(
  {
    reference: Id,
    amount: Amount,
    currency: Type.String({ pattern: "^[A-Z]{3}$" }),
    description: Type.String({ maxLength: DESCRIPTION_LENGTH_MAX }),
    payBy: Time,
    token: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
  },
  closed,
);
const OfAmount = Type.Object({ amount: Amount }, closed);
const Listing = Type.Object(
  { since: Time, until: Type.Optional(Time), cursor: Type.Optional(Type.String({ maxLength: 200 })) },
  closed,
);

/** Lets in whoever sends `Authorization: Bearer <secret>`. */
export function requireSecret(app: FastifyInstance, secret: string): void {
  const expected = digest(`Bearer ${secret}`);
  app.addHook("onRequest", async (request) => {
    if (timingSafeEqual(digest(request.headers.authorization ?? ""), expected)) return;
    throw new Refused(401, "UNAUTHORIZED", "Send `Authorization: Bearer <secret>`.");
  });
}

/** What goes wrong is said here; itself it never does. */
export const faultRoutes =
  (faults: { get(): Faults; set(wanted: Faults): void }): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get("/faults", async () => faults.get());
    app.put("/faults", { schema: { body: Faults } }, async (request) => {
      faults.set(request.body);
      return request.body;
    });
  };

/** The shop's side. Each POST happens once for its Idempotency-Key. */
export const apiRoutes =
  ({ ledger, clock, url, faults, nudge }: Options): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.addHook("preHandler", async () => {
      const { answers, delayMs = 0 } = faults();
      if (answers === "error") throw new Refused(500, "INTERNAL", "Out of order, on demand.");
      if (answers === "slow") await sleep(clock, delayMs);
    });
    app.addHook("onSend", async (request, reply, payload) => {
      const { answers } = faults();
      if (answers === "lost") request.raw.socket.destroy();
      if (answers !== "nonsense") return payload;
      void reply.type("text/html").removeHeader("content-length");
      return "<h1>It works!</h1>";
    });
    const shown = (payment: LedgerPayment) => answerOf(payment, url(), faults());

    app.post("/payments", { schema: { headers: Keyed, body: Order } }, async (request) => {
      const payment = await ledger.start(request.headers["idempotency-key"], {
        ...request.body,
        payBy: new Date(request.body.payBy),
      });
      nudge();
      return shown(payment);
    });
    app.get("/payments/:id", { schema: { params: ById } }, async (request) =>
      shown(await ledger.read(request.params.id)),
    );
    app.post("/payments/:id/capture", { schema: { params: ById, headers: Keyed, body: OfAmount } }, async (request) =>
      shown(await ledger.capture(request.headers["idempotency-key"], request.params.id, request.body.amount)),
    );
    app.post("/payments/:id/void", { schema: { params: ById, headers: Keyed } }, async (request) =>
      shown(await ledger.void(request.headers["idempotency-key"], request.params.id)),
    );
    app.post("/payments/:id/refunds", { schema: { params: ById, headers: Keyed, body: OfAmount } }, async (request) =>
      shown(await ledger.refund(request.headers["idempotency-key"], request.params.id, request.body.amount)),
    );
    app.get("/payments", { schema: { querystring: Listing } }, async (request) => {
      const { since, until, cursor } = request.query;
      const found = await ledger.list(
        new Date(since),
        until === undefined ? undefined : new Date(until),
        placeOf(cursor),
      );
      const last = found.length === LIST_LIMIT ? found.at(-1) : undefined;
      return {
        items: found.map(shown),
        nextCursor: last === undefined ? null : `${last.created_at.getTime()} ${last.id}`,
      };
    });
  };

const showPage = (reply: FastifyReply, page: string): FastifyReply =>
  reply
    .type("text/html; charset=utf-8")
    .header("cache-control", "no-store")
    .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
    .send(page);

/** For the buyer. */
export const pageRoutes =
  ({ ledger, nudge }: Pick<Options, "ledger" | "nudge">): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(body.toString()))),
    );
    app.get("/", async (_request, reply) => showPage(reply, homePage()));
    app.get("/pay/:id", { schema: { params: ById } }, async (request, reply) =>
      showPage(reply, paymentPage(await ledger.read(request.params.id))),
    );
    app.post(
      "/pay/:id",
      { schema: { params: ById, body: Type.Object({ token: Type.String({ maxLength: 255 }) }, closed) } },
      async (request, reply) => {
        await ledger.choose(request.params.id, request.body.token);
        nudge();
        return reply.redirect(request.params.id, 303); // From the page itself, wherever a proxy shows it.
      },
    );
  };

function answerOf(payment: LedgerPayment, url: string, { lieBy = 0, lieCurrency }: Faults) {
  const { id, reference, state, captured, refunded, reason } = payment;
  return {
    id,
    reference,
    state,
    captured,
    refunded,
    amount: { amount: payment.amount + lieBy, currency: lieCurrency ?? payment.currency },
    reason: state === "failed" ? reason : null,
    url: state === "pending" && payment.verdict === null ? `${url}/pay/${id}` : null,
    createdAt: payment.created_at.toISOString(),
  };
}

function placeOf(cursor: string | undefined): { createdAt: Date; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = cursor.split(" ");
  if (at === undefined || id === undefined || !/^\d{1,15}$/.test(at)) {
    throw new Refused(400, "BAD_REQUEST", "That is no cursor of ours.");
  }
  return { createdAt: new Date(Number(at)), id };
}

const digest = (text: string): Buffer => hash("sha256", text, "buffer");
