import type { Generated } from "kysely";

/** The schema that webhooks share with the rest of notifications. */
export const WEBHOOKS_SCHEMA = "notifications";

export interface WebhookTables {
  webhook: WebhookTable;
  webhook_delivery: DeliveryTable;
}

export interface WebhookTable {
  id: string;
  url: string;
  types: string[];
  description: string | null;
  secret: string;
  /** Signs too until `previous_until`. */
  previous_secret: string | null;
  previous_until: Date | null;
  /** Null while it is enabled. */
  disabled_reason: string | null;
  /** The first failure since the last delivery that went well. */
  failing_since: Date | null;
  created_at: Date;
  updated_at: Date;
}

export interface DeliveryTable {
  id: string;
  webhook_id: string;
  event_id: string;
  type: string;
  /** As it is sent and signed, the same in every attempt. */
  body: string;
  status: "pending" | "delivered" | "failed";
  /** Counted when they begin. */
  attempts: Generated<number>;
  created_at: Date;
  /** An attempt that fails later than this is the last. That of a test, or of one that is made again by hand: when it was created. */
  give_up_at: Date;
  next_attempt_at: Date;
  /** Somebody is at it until then, or died. */
  leased_until: Date | null;
  last_attempt_at: Date | null;
  status_code: number | null;
  error: string | null;
  response: string | null;
}
