import type { Gateway, GatewayOrder, GatewayRecord, KnownPayment } from "./gateway.ts";

/**
 * No gateway is asked: our row is what happened. For money that the person or the machine in front of the buyer took before we were told,
 * and for amounts of nothing.
 */
export class OwnBooks implements Gateway {
  async start({ paymentId, amount }: GatewayOrder): Promise<GatewayRecord> {
    const state = "authorized";
    return recordOf({ paymentId, gatewayId: `terminal-${paymentId}`, amount, state, captured: 0, refunded: 0 });
  }

  async read(payment: KnownPayment): Promise<GatewayRecord> {
    return recordOf(payment);
  }

  async capture(payment: KnownPayment, amount: number): Promise<GatewayRecord> {
    return recordOf({ ...payment, state: "captured", captured: amount });
  }

  async void(payment: KnownPayment): Promise<GatewayRecord> {
    return recordOf({ ...payment, state: "voided" });
  }

  async refund(payment: KnownPayment, amount: number): Promise<GatewayRecord> {
    return recordOf({ ...payment, refunded: payment.refunded + amount });
  }
}

const recordOf = (payment: KnownPayment): GatewayRecord => ({ ...payment, reason: null, next: null });
