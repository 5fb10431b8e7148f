import type { Gateway, GatewayOrder, GatewayRecord, KnownPayment } from "./gateway.ts";

/**
 * A card terminal or a cash drawer: the money was taken by the person or the machine in front of the buyer before we were told.
 * It remembers nothing; what our own row says is what happened.
 */
export class Terminal implements Gateway {
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

  async *list(): AsyncIterable<GatewayRecord> {}
}

const recordOf = (payment: KnownPayment): GatewayRecord => ({ ...payment, reason: null, next: null });
