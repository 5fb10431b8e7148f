/**
 * Speaks Stripe's API as its reference documents it (https://docs.stripe.com/api), so far as PaymentIntents with manual capture,
 * refunds and events go: form-encoded requests, JSON answers, expansion, idempotency keys, errors with their types and codes,
 * cursors by object id, and the test cards' tokens.
 */
import { hash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Stripe } from "stripe";
import { portOf } from "../../../platform/testing/port-of.ts";

type Form = Record<string, unknown>;

interface Refund {
  readonly id: string;
  readonly object: "refund";
  readonly amount: number;
  readonly payment_intent: string;
  readonly metadata: Form;
  status: string;
  failure_reason?: string;
}

interface Intent {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly created: number;
  readonly description: string | null;
  readonly metadata: Form;
  readonly client_secret: string;
  status: string;
  amount_received: number;
  last_payment_error: Form | null;
  charge: { readonly id: string; amount_captured: number; amount_refunded: number } | null;
}

/** https://docs.stripe.com/testing */
const DECLINED: Readonly<Record<string, { code: string; decline_code?: string; message: string }>> = {
  pm_card_chargeDeclined: {
    code: "card_declined",
    decline_code: "generic_decline",
    message: "Your card was declined.",
  },
  tok_chargeDeclined: { code: "card_declined", decline_code: "generic_decline", message: "Your card was declined." },
  pm_card_chargeDeclinedInsufficientFunds: {
    code: "card_declined",
    decline_code: "insufficient_funds",
    message: "Your card has insufficient funds.",
  },
  pm_card_chargeDeclinedExpiredCard: { code: "expired_card", message: "Your card has expired." },
};
const ACCEPTED = new Set(["pm_card_visa", "pm_card_mastercard", "tok_visa"]);
const NEEDS_BUYER = new Set(["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"]);

const OF_POSTS: ReadonlySet<string | undefined> = new Set(["lost", "broken", "broken-after"]);

/** How long an answer is kept under its key: https://docs.stripe.com/api/idempotent_requests */
const KEY_KEPT_MS = 24 * 60 * 60_000;

class StripeRefusal extends Error {
  readonly status: number;
  readonly body: Form;

  constructor(status: number, type: string, message: string, more: Form = {}) {
    super(message);
    this.status = status;
    this.body = { error: { type, message, ...more } };
  }
}

const invalid = (message: string, more: Form = {}, status = 400): StripeRefusal =>
  new StripeRefusal(status, "invalid_request_error", message, more);

export interface StripeServerOptions {
  readonly secretKey: string;
  readonly webhookSecret: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class StripeServer {
  readonly intents = new Map<string, Intent>();
  readonly refunds: Refund[] = [];
  /** Every request that came, such as `POST /v1/payment_intents`. */
  readonly requests: string[] = [];
  /** Idempotency keys in the order in which they came. */
  readonly keys: string[] = [];
  /**
   * What happens to the next answers: a 500 or a 429 with nothing done; to that of the next POST: none at all after it was done, or a 500 that
   * is kept under its key, before the work or after it.
   */
  readonly faults: ("error" | "busy" | "lost" | "broken" | "broken-after")[] = [];
  /** What refunds are at first: the bank may need days. */
  refundsAre: "succeeded" | "pending" = "succeeded";
  readonly #options: StripeServerOptions;
  readonly #answers = new Map<string, { request: string; status: number; body: string; until: number }>();
  readonly #server: Server;
  #port = 0;

  constructor(options: StripeServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#port = portOf(this.#server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The buyer's browser confirms with the client secret, as Stripe's elements do. */
  confirmByBuyer(id: string, card: string): void {
    const intent = this.#intent(id);
    intent.last_payment_error = null;
    try {
      this.#confirm(intent, card);
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error;
    }
  }

  /** The event as Stripe would send it: the body, and the headers with its signature. */
  event(type: string, object: unknown, at = this.#options.now()): { body: string; headers: Record<string, string> } {
    const body = JSON.stringify({
      id: `evt_${randomBytes(12).toString("hex")}`,
      object: "event",
      type,
      created: Math.floor(at / 1e3),
      api_version: Stripe.API_VERSION,
      livemode: false,
      pending_webhooks: 1,
      data: { object },
    });
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload: body,
      secret: this.#options.webhookSecret,
      timestamp: Math.floor(at / 1e3),
    });
    return { body, headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature } };
  }

  /** The bank has paid it out, or sent it back; after that, too. @returns the event that says so */
  endRefund(id: string, status: "succeeded" | "failed"): { body: string; headers: Record<string, string> } {
    const refund = this.refunds.find((each) => each.id === id);
    if (refund === undefined) throw new Error(`there is no refund ${id}`);
    refund.status = status;
    if (status === "failed") {
      refund.failure_reason = "expired_or_canceled_card";
      const { charge } = this.#intent(refund.payment_intent);
      if (charge !== null) charge.amount_refunded -= refund.amount;
    }
    return this.event(status === "failed" ? "refund.failed" : "refund.updated", refund);
  }

  shown(id: string): Form {
    return show(this.#intent(id), false);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString();
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const method = request.method ?? "GET";
    this.requests.push(`${method} ${pathname}`);
    const fault = method === "GET" && OF_POSTS.has(this.faults[0]) ? undefined : this.faults.shift();
    const send = (status: number, body: string): void => {
      if (fault === "lost") return void request.socket.destroy();
      response.writeHead(status, { "content-type": "application/json", "request-id": `req_${this.requests.length}` });
      response.end(body);
    };
    const sorry = JSON.stringify({ error: { type: "api_error", message: "Sorry." } });
    if (fault === "error") return send(500, sorry);
    if (fault === "busy") {
      return send(
        429,
        JSON.stringify({ error: { type: "invalid_request_error", code: "rate_limit", message: "Slow." } }),
      );
    }
    if (request.headers.authorization !== `Bearer ${this.#options.secretKey}`) {
      return send(
        401,
        JSON.stringify({ error: { type: "invalid_request_error", message: "Invalid API Key provided" } }),
      );
    }
    const form = formOf(method === "GET" ? searchParams : new URLSearchParams(text));
    const key = request.headers["idempotency-key"];
    const fingerprint = hash("sha256", `${method} ${pathname} ${text}`, "hex");
    if (method === "POST" && typeof key === "string") {
      this.keys.push(key);
      const kept = this.#answers.get(key);
      const first = kept !== undefined && kept.until > this.#options.now() ? kept : undefined;
      if (first !== undefined && first.request !== fingerprint) {
        const refusal = new StripeRefusal(
          400,
          "idempotency_error",
          `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        );
        return send(refusal.status, JSON.stringify(refusal.body));
      }
      if (first !== undefined) return send(first.status, first.body);
    }
    const done = fault === "broken" ? undefined : this.#answer(method, pathname, form);
    const { status, body } = done === undefined || fault === "broken-after" ? { status: 500, body: sorry } : done;
    // A refusal before the work has begun is not kept; one of the work's own is, as is its success.
    if (typeof key === "string" && method === "POST") {
      this.#answers.set(key, { request: fingerprint, status, body, until: this.#options.now() + KEY_KEPT_MS });
    }
    send(status, body);
  }

  #answer(method: string, path: string, form: Form): { status: number; body: string } {
    try {
      return { status: 200, body: JSON.stringify(this.#route(method, path, form)) };
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error;
      return { status: error.status, body: JSON.stringify(error.body) };
    }
  }

  #route(method: string, path: string, form: Form): unknown {
    const expand = Object.values((form["expand"] ?? {}) as Form).map(String);
    const withCharge = expand.includes("latest_charge");
    const [, id = "", action = ""] = /^\/v1\/payment_intents\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    switch (`${method} ${id === "" ? path : `intent ${action}`}`) {
      case "POST /v1/payment_intents":
        return show(this.#create(form), withCharge);
      case "GET /v1/payment_intents":
        return this.#list(form, expand.includes("data.latest_charge"));
      case "GET intent ":
        return show(this.#intent(id), withCharge);
      case "POST intent confirm":
        return show(this.#confirm(this.#intent(id), String(form["payment_method"])), withCharge);
      case "POST intent capture":
        return show(this.#capture(this.#intent(id), form), withCharge);
      case "POST intent cancel":
        return show(this.#cancel(this.#intent(id)), withCharge);
      case "POST /v1/refunds":
        return this.#refund(form);
      case "GET /v1/refunds": {
        const all = this.refunds.filter((refund) => refund.payment_intent === form["payment_intent"]).reverse();
        return { url: "/v1/refunds", ...pageOf(all, form) };
      }
      default:
        throw invalid(`Unrecognized request URL (${method}: ${path}).`, {}, 404);
    }
  }

  #intent(id: string): Intent {
    const intent = this.intents.get(id);
    if (intent !== undefined) return intent;
    throw invalid(`No such payment_intent: '${id}'`, { code: "resource_missing", param: "intent" }, 404);
  }

  #create(form: Form): Intent {
    const amount = Number(form["amount"]);
    if (!Number.isInteger(amount))
      throw invalid("Invalid integer", { code: "parameter_invalid_integer", param: "amount" });
    if (amount < 50) throw invalid("Amount must be at least €0.50 eur", { code: "amount_too_small", param: "amount" });
    const currency = String(form["currency"]);
    if (!/^[a-z]{3}$/.test(currency)) throw invalid(`Invalid currency: ${currency}`, { param: "currency" });
    if (form["capture_method"] !== "manual") throw invalid("This server knows manual capture only.");
    const id = `pi_${randomBytes(12).toString("hex")}`;
    const intent: Intent = {
      id,
      amount,
      currency,
      created: Math.floor(this.#options.now() / 1e3),
      description: typeof form["description"] === "string" ? form["description"] : null,
      metadata: (form["metadata"] ?? {}) as Form,
      client_secret: `${id}_secret_${randomBytes(12).toString("hex")}`,
      status: "requires_payment_method",
      amount_received: 0,
      last_payment_error: null,
      charge: null,
    };
    const card = cardIn(form);
    if (card !== undefined && !ACCEPTED.has(card) && !NEEDS_BUYER.has(card) && !Object.hasOwn(DECLINED, card)) {
      throw invalid(`No such PaymentMethod: '${card}'`, { code: "resource_missing", param: "payment_method" });
    }
    this.intents.set(id, intent);
    return form["confirm"] === "true" && card !== undefined ? this.#confirm(intent, card) : intent;
  }

  #confirm(intent: Intent, card: string): Intent {
    if (!["requires_payment_method", "requires_confirmation", "requires_action"].includes(intent.status)) {
      throw unexpected(intent, "confirm");
    }
    const declined = Object.hasOwn(DECLINED, card) ? DECLINED[card] : undefined;
    if (declined !== undefined) {
      intent.status = "requires_payment_method";
      intent.last_payment_error = { type: "card_error", ...declined };
      throw new StripeRefusal(402, "card_error", declined.message, {
        ...declined,
        payment_intent: show(intent, false),
      });
    }
    intent.status = NEEDS_BUYER.has(card) ? "requires_action" : "requires_capture";
    if (intent.status === "requires_capture") {
      intent.charge = { id: `ch_${randomBytes(12).toString("hex")}`, amount_captured: 0, amount_refunded: 0 };
    }
    return intent;
  }

  #capture(intent: Intent, form: Form): Intent {
    if (intent.status !== "requires_capture" || intent.charge === null) throw unexpected(intent, "capture");
    const amount = Number(form["amount_to_capture"] ?? intent.amount);
    if (amount > intent.amount) throw invalid("More than is capturable.", { code: "amount_too_large" });
    intent.status = "succeeded";
    intent.amount_received = amount;
    intent.charge.amount_captured = amount;
    intent.charge.amount_refunded = intent.amount - amount;
    return intent;
  }

  #cancel(intent: Intent): Intent {
    if (intent.status === "succeeded" || intent.status === "canceled") throw unexpected(intent, "cancel");
    intent.status = "canceled";
    if (intent.charge !== null) intent.charge.amount_refunded = intent.amount;
    return intent;
  }

  #refund(form: Form): Refund {
    const intent = this.#intent(String(form["payment_intent"]));
    if (intent.status !== "succeeded" || intent.charge === null) throw unexpected(intent, "refund");
    const amount = Number(form["amount"]);
    if (intent.charge.amount_refunded + amount > intent.amount) {
      throw invalid("Refund amount is greater than unrefunded amount on charge", { param: "amount" });
    }
    intent.charge.amount_refunded += amount;
    const id = `re_${randomBytes(12).toString("hex")}`;
    const metadata = (form["metadata"] ?? {}) as Form; // A form's nested field.
    const refund: Refund = {
      id,
      object: "refund",
      amount,
      payment_intent: intent.id,
      metadata,
      status: this.refundsAre,
    };
    this.refunds.push(refund);
    return refund;
  }

  #list(form: Form, withCharge: boolean): Form {
    const created = (form["created"] ?? {}) as Form; // A form's nested field.
    const since = Number(created["gte"] ?? 0);
    const until = Number(created["lt"] ?? Infinity);
    const all = [...this.intents.values()].reverse().filter((one) => one.created >= since && one.created < until);
    const { data, ...page } = pageOf(all, form);
    return { url: "/v1/payment_intents", ...page, data: data.map((each) => show(each, withCharge)) };
  }
}

/** The newest first, from after `starting_after`. */
function pageOf<Each extends { readonly id: string }>(all: readonly Each[], form: Form) {
  const after = all.findIndex(({ id }) => id === form["starting_after"]);
  const limit = Number(form["limit"] ?? 10);
  const data = all.slice(after + 1, after + 1 + limit);
  return { object: "list", has_more: all.length > after + 1 + limit, data };
}

const unexpected = (intent: Intent, verb: string): StripeRefusal =>
  invalid(`You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}.`, {
    code: "payment_intent_unexpected_state",
    payment_intent: show(intent, false),
  });

function show({ charge, ...intent }: Intent, withCharge: boolean): Form {
  const amounts = { amount: intent.amount, currency: intent.currency };
  return {
    object: "payment_intent",
    ...intent,
    capture_method: "manual",
    livemode: false,
    amount_capturable: intent.status === "requires_capture" ? intent.amount : 0,
    latest_charge: charge && (withCharge ? { object: "charge", ...amounts, ...charge } : charge.id),
  };
}

function cardIn(form: Form): string | undefined {
  if (typeof form["payment_method"] === "string") return form["payment_method"];
  const data = form["payment_method_data"] as { card?: { token?: string } } | undefined; // A form's nested field.
  return data?.card?.token;
}

/** `a[b][c]=1` as `{ a: { b: { c: "1" } } }`. */
function formOf(params: URLSearchParams): Form {
  const form: Form = {};
  for (const [name, value] of params) {
    const path = name.split(/[[\]]+/).filter((part) => part !== "");
    let at = form;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Form; // Made here, one line up or before.
    at[path.at(-1) ?? ""] = value;
  }
  return form;
}
