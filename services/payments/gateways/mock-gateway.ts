import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Clock } from "../../../platform/clock/index.ts";
import { parsedJson } from "../../../platform/json/index.ts";
import { Money } from "../../../proto/rest/index.ts";
import { PAYMENT_STATES } from "../../../proto/services/index.ts";
import { sendText } from "./http-client.ts";
import { AMOUNT_MAX, GATEWAY_TIMEOUT_MS, LIST_PAGES_MAX } from "../limits.ts";
import {
  type GatewayOrder,
  type GatewayRecord,
  GatewayRefused,
  GatewayUnavailable,
  type KnownPayment,
  type ListedGateway,
} from "./gateway.ts";

const Minor = Type.Integer({ minimum: 0, maximum: AMOUNT_MAX });
const Answer = Type.Object({
  id: Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" }),
  reference: Type.String(),
  state: Type.Union(PAYMENT_STATES.map((state) => Type.Literal(state))),
  amount: Money,
  captured: Minor,
  refunded: Minor,
  reason: Type.Union([Type.String({ maxLength: 500 }), Type.Null()]),
  url: Type.Union([Type.String({ pattern: "^https?://", maxLength: 500 }), Type.Null()]),
});
const answers = Compile(Answer);
const pages = Compile(
  Type.Object({ items: Type.Array(Answer), nextCursor: Type.Union([Type.String({ minLength: 1 }), Type.Null()]) }),
);
const refusals = Compile(Type.Object({ code: Type.String(), message: Type.String() }));

interface Options {
  /** Its server's; asked for at each call. */
  readonly url: () => string;
  readonly secret: () => string;
  readonly clock: Clock;
}

/** The mock gateway as its callers see it: over HTTP, wherever it runs. */
export class MockGateway implements ListedGateway {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async start({ paymentId, amount: { amount, currency }, description, token, payBy }: GatewayOrder) {
    const order = { reference: paymentId, amount, currency, description, token, payBy: payBy.toISOString() };
    return recordOf(read(answers, await this.#post("", paymentId, order)));
  }

  async read({ gatewayId }: KnownPayment) {
    return recordOf(read(answers, await this.#send("GET", `/${gatewayId}`)));
  }

  async capture({ gatewayId }: KnownPayment, amount: number, key: string) {
    return recordOf(read(answers, await this.#post(`/${gatewayId}/capture`, key, { amount })));
  }

  async void({ gatewayId }: KnownPayment, key: string) {
    return recordOf(read(answers, await this.#post(`/${gatewayId}/void`, key, {})));
  }

  async refund({ gatewayId }: KnownPayment, amount: number, key: string) {
    return recordOf(read(answers, await this.#post(`/${gatewayId}/refunds`, key, { amount })));
  }

  async *list(since: Date, until?: Date): AsyncIterable<GatewayRecord> {
    const range = { since: since.toISOString(), ...(until && { until: until.toISOString() }) };
    const seen = new Set<string>();
    let cursor = "";
    for (;;) {
      const query = new URLSearchParams({ ...range, ...(cursor && { cursor }) });
      const page: Static<ReturnType<typeof pages.Type>> = read(pages, await this.#send("GET", `?${query.toString()}`));
      yield* page.items.map(recordOf);
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
      if (seen.has(cursor) || seen.size === LIST_PAGES_MAX) {
        throw new GatewayUnavailable("the mock gateway's list does not end");
      }
      seen.add(cursor);
    }
  }

  #post(path: string, key: string, body: object): Promise<unknown> {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    return this.#send("POST", path, headers, JSON.stringify(body));
  }

  async #send(method: "GET" | "POST", path: string, headers: Record<string, string> = {}, body?: string) {
    const { url, secret, clock } = this.#options;
    const { status, text } = await sendText(`${url()}/v1/payments${path}`, {
      clock,
      timeoutMs: GATEWAY_TIMEOUT_MS,
      method,
      headers: { ...headers, authorization: `Bearer ${secret()}` },
      ...(body !== undefined && { body }),
    }).catch((cause: unknown) => {
      throw new GatewayUnavailable("the mock gateway does not answer", { cause });
    });
    const answer = parsedJson(text);
    if (status === 200) return answer;
    // A wrong secret or too many requests is no word on the payment.
    const said = status === 400 || status === 404 || status === 409 ? answer : undefined;
    if (refusals.Check(said)) throw new GatewayRefused(said.message);
    throw new GatewayUnavailable(`the mock gateway answers ${status}`);
  }
}

interface Shape<T> {
  Check(value: unknown): value is T;
}

function read<T>(shape: Shape<T>, answer: unknown): T {
  if (shape.Check(answer)) return answer;
  throw new GatewayUnavailable("the mock gateway answers nonsense");
}

const recordOf = ({ id, reference, url, ...facts }: Static<typeof Answer>): GatewayRecord => ({
  paymentId: reference,
  gatewayId: id,
  amount: facts.amount,
  state: facts.state,
  captured: facts.captured,
  refunded: facts.refunded,
  reason: facts.reason,
  next: url === null ? null : { url },
});
