import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { WebhookKey } from "./webhook-key.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const BODY = JSON.stringify({
  type: "payment.authorized",
  timestamp: "2026-11-21T12:00:00Z",
  data: { id: "mp_1", reference: "pay_1" },
});
const key = new WebhookKey(SECRET);

describe("the key", () => {
  it("signs as the standard has it, so that its package verifies", () => {
    const at = new Date();
    expect(new Webhook(SECRET).verify(BODY, key.headers("msg_1", at, BODY))).toEqual(JSON.parse(BODY));
  });

  it("may be any text", () => {
    const plain = new WebhookKey("sixteen characters");
    expect(plain.verify(plain.headers("msg_1", new Date(NOW), BODY), BODY, NOW)).toBe("msg_1");
    expect(key.verify(plain.headers("msg_1", new Date(NOW), BODY), BODY, NOW)).toBeUndefined();
  });

  it("takes any of several signatures, as while keys change", () => {
    const headers = key.headers("msg_1", new Date(NOW), BODY);
    const signature = `v1,${"A".repeat(43)}= v1a,x ${headers["webhook-signature"]}`;
    expect(key.verify({ ...headers, "webhook-signature": signature }, BODY, NOW)).toBe("msg_1");
  });

  it("allows five minutes, either way", () => {
    const accepted = (ms: number) =>
      key.verify(key.headers("msg_1", new Date(NOW + ms), BODY), BODY, NOW) !== undefined;
    expect([-301_000, -300_000, 0, 300_000, 301_000].map(accepted)).toEqual([false, true, true, true, false]);
  });
});
