/** The schema `mock_gateway`: what a gateway would know, apart from all that the shop knows. */
import type { Generated } from "kysely";
import type { Fixed } from "../../../platform/postgres/index.ts";
import type { PaymentState } from "../../../proto/services/index.ts";

export const MOCK_GATEWAY_SCHEMA = "mock_gateway";

export interface MockGatewayTables {
  payment: {
    id: Fixed<string>;
    /** The shop's id of it. */
    reference: Fixed<string>;
    /** Minor units. */
    amount: Fixed<number>;
    currency: Fixed<string>;
    description: Fixed<string>;
    pay_by: Fixed<Date>;
    state: PaymentState;
    captured: Generated<number>;
    refunded: Generated<number>;
    reason: string | null;
    /** What will be decided and when; null while the buyer has not chosen, and once it is decided. */
    decide_at: Date | null;
    verdict: "authorized" | "failed" | null;
    /** How often the decision's webhook is sent. */
    webhook_copies: number;
    created_at: Fixed<Date>;
  };
  /** Requests that were carried out, by their idempotency keys. */
  operation: { key: Fixed<string>; request: Fixed<string>; payment_id: Fixed<string> };
  webhook: {
    id: Fixed<string>;
    body: Fixed<string>;
    /** Deliveries that are still owed. */
    copies: number;
    attempts: Generated<number>;
    /** null: delivered, or given up. */
    due_at: Date | null;
    created_at: Fixed<Date>;
  };
}
