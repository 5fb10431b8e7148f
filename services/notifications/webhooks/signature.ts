import { Webhook } from "standardwebhooks";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { SECRET_BYTES } from "./limits.ts";

export const newSecret = (random: RandomBytes): string => `whsec_${random(SECRET_BYTES).toString("base64")}`;

/** The headers of Standard Webhooks (https://www.standardwebhooks.com), signed with each of the secrets. */
export function signedHeaders(options: {
  id: string;
  body: string;
  at: Date;
  secrets: readonly string[];
}): Record<string, string> {
  const { id, body, at, secrets } = options;
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(" "),
  };
}
