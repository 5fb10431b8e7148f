import { randomInt } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Stripe } from "stripe";
import { describe, expect, it } from "vitest";
import { systemRandom } from "../../../platform/random/index.ts";
import { WebhookKey } from "./webhook-key.ts";
import { mockVerifier, stripeVerifier } from "./webhook-verifier.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const BODY = JSON.stringify({
  type: "payment.authorized",
  timestamp: "2026-11-21T12:00:00Z",
  data: { id: "mp_1", reference: "pay_1" },
});
const key = new WebhookKey(SECRET);

/** One bit of a text turned over; characters past Latin 1 do not come that way. */
function flip(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  const at = randomInt(bytes.length);
  bytes[at] = bytes[at]! ^ (1 << randomInt(8));
  return bytes.toString("latin1");
}

const genuine = (): { headers: Record<string, string>; body: Buffer } => ({
  headers: key.headers(`msg_${randomInt(1e9)}`, new Date(NOW), BODY),
  body: Buffer.from(BODY),
});

const flipIn = (headers: Record<string, string>, name: string) => ({ ...headers, [name]: flip(headers[name]!) });
const cut = (text: string) => text.slice(0, randomInt(text.length));

/** Every way of changing a webhook that we can think of; each gives another one each time. */
const CHANGES: readonly ((
  headers: Record<string, string>,
  body: Buffer,
) => { headers: IncomingHttpHeaders; body: Buffer })[] = [
  (headers, body) => ({ headers, body: Buffer.from(flip(body.toString("latin1")), "latin1") }),
  (headers, body) => ({ headers, body: Buffer.from(cut(body.toString())) }),
  (headers, body) => ({ headers, body: Buffer.concat([body, Buffer.from(" ".repeat(1 + randomInt(9)))]) }),
  (headers, body) => ({ headers, body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]) }),
  (headers, body) => ({ headers, body: Buffer.concat([body, Buffer.from([0x80 + randomInt(64)])]) }),
  ...["webhook-id", "webhook-timestamp", "webhook-signature"].flatMap((name) => [
    (headers: Record<string, string>, body: Buffer) => ({ headers: flipIn(headers, name), body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: cut(headers[name]!) }, body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: `${headers[name]}x` }, body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: undefined }, body }),
    (headers: Record<string, string>, body: Buffer) => ({
      headers: { ...headers, [name]: [headers[name]!, "x"] },
      body,
    }),
  ]),
  (headers, body) => {
    const at = new Date(NOW + (randomInt(2) ? 1 : -1) * (301_000 + randomInt(1e9)));
    return { headers: key.headers(headers["webhook-id"]!, at, BODY), body };
  },
  (_headers, body) => ({
    headers: new WebhookKey(`whsec_${systemRandom(32).toString("base64")}`).headers("msg_1", new Date(NOW), BODY),
    body,
  }),
  (headers, body) => ({
    headers: { ...headers, "webhook-signature": headers["webhook-signature"]!.replace("v1", "v2") },
    body,
  }),
  (headers, body) => ({ headers: { ...headers, "webhook-timestamp": ` ${headers["webhook-timestamp"]}` }, body }),
];

describe("10,000 changed webhooks", () => {
  const verify = mockVerifier(() => key);

  it("are none of them accepted", () => {
    let tried = 0;
    while (tried < 10_000) {
      for (const change of CHANGES) {
        const { headers, body } = genuine();
        expect(verify(headers, body, NOW)).toEqual({
          id: headers["webhook-id"],
          payment: { paymentId: "pay_1", gatewayId: "mp_1" },
        });
        const changed = change(headers, body);
        if (same(changed.headers, headers) && changed.body.equals(body)) continue;
        tried++;
        const accepted = verify(changed.headers, changed.body, NOW);
        if (accepted !== undefined)
          expect.fail(`accepted: ${JSON.stringify(changed.headers)} ${changed.body.toString()}`);
      }
    }
  });

  it("are none of them accepted as Stripe's either", () => {
    const verifyStripe = stripeVerifier(SECRET);
    const seconds = NOW / 1000;
    const header = Stripe.webhooks.generateTestHeaderString({ payload: BODY, secret: SECRET, timestamp: seconds });
    expect(() => verifyStripe({ "stripe-signature": header }, Buffer.from(BODY), NOW)).not.toThrow();
    for (let tried = 0; tried < 10_000; tried++) {
      const changed = tried % 2 ? flip(header) : header;
      const body = tried % 2 ? BODY : flip(BODY);
      const accepted = verifyStripe({ "stripe-signature": changed }, Buffer.from(body, "latin1"), NOW);
      if (accepted !== undefined) expect.fail(`accepted: ${changed} ${body}`);
    }
  });
});

describe("a webhook that Stripe has signed", () => {
  const seconds = NOW / 1000;
  const noticeOf = (payload: string) => {
    const header = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET, timestamp: seconds });
    return stripeVerifier(SECRET)({ "stripe-signature": header }, Buffer.from(payload), NOW);
  };

  it("is about nothing of ours where it says so", () => {
    expect(noticeOf('{"id":"evt_1","type":"charge.updated"}')).toEqual({ id: "evt_1" });
  });

  it.each(["{}", "null", "[]", '"x"', "1", '{"id":1}', '{"id":""}', '{"type":"payment_intent.succeeded"}'])(
    "is none where it has no id: %s",
    (payload) => expect(noticeOf(payload)).toBeUndefined(),
  );
});

const same = (left: IncomingHttpHeaders, right: IncomingHttpHeaders): boolean =>
  Object.keys(right).every((name) => left[name] === right[name]);
