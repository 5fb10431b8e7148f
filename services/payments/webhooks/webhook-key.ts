import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Webhook } from "standardwebhooks";
import { WEBHOOK_TOLERANCE_MS } from "../limits.ts";

/** Signs and verifies webhooks as Standard Webhooks has it (https://www.standardwebhooks.com). */
export class WebhookKey {
  readonly #webhook: Webhook;

  /** @param secret `whsec_` and base64, as the standard has it; anything else is taken as the bytes of the key itself */
  constructor(secret: string) {
    this.#webhook = secret.startsWith("whsec_")
      ? new Webhook(secret)
      : new Webhook(Buffer.from(secret), { format: "raw" });
  }

  headers(id: string, at: Date, body: string): Record<string, string> {
    return {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": this.#webhook.sign(id, at, body),
    };
  }

  /**
   * The package's own `verify` goes by the machine's clock and reads `1700000000x` as a time; hence this one, stricter in both.
   * @returns the webhook's id, or undefined when it is not signed by this key or not of this time
   */
  verify(headers: IncomingHttpHeaders, body: string, now: number): string | undefined {
    const id = headers["webhook-id"];
    const timestamp = headers["webhook-timestamp"];
    const signatures = headers["webhook-signature"];
    if (typeof id !== "string" || typeof timestamp !== "string" || typeof signatures !== "string") return undefined;
    if (id === "" || id.length > 200 || !/^\d{1,12}$/.test(timestamp) || signatures.length > 2_000) return undefined;
    const at = Number(timestamp) * 1000;
    if (Math.abs(now - at) > WEBHOOK_TOLERANCE_MS) return undefined;
    const expected = Buffer.from(this.#webhook.sign(id, new Date(at), body));
    return signatures.split(" ").some((signature) => same(Buffer.from(signature), expected)) ? id : undefined;
  }
}

const same = (left: Buffer, right: Buffer): boolean => left.length === right.length && timingSafeEqual(left, right);
