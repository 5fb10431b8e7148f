import { pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { type Clock, systemClock } from "../../../platform/clock/index.ts";
import { Outbox } from "../../../platform/events/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { Agenda } from "../book/agenda.ts";
import { PaymentBook } from "../book/payment-book.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "../tables.ts";
import type { Shop } from "./shop.ts";

/** A shop's rows, written by the test itself: no process looks at them unless it opens one. */
export function bookOf({ pool }: Shop, clock: Clock = systemClock) {
  const log = pino({ level: "silent" });
  const bus = new InProcessBus({ clock, log });
  const outbox = new Outbox({
    pool,
    bus,
    clock,
    random: systemRandom,
    log,
    schema: PAYMENTS_SCHEMA,
    source: "/usher/payments",
    stream: { publish: () => Promise.resolve(), consume: () => ({ close: () => Promise.resolve() }) },
  });
  const db = createDatabase<PaymentsTables>(pool).withSchema(PAYMENTS_SCHEMA);
  return { book: new PaymentBook({ db, outbox, clock }), agenda: new Agenda({ db, clock }), bus, log };
}

export async function addedTo(book: PaymentBook, paymentId: string, bookingId: string, method: PaymentMethod = "mock") {
  const row = await book.add({
    paymentId,
    bookingId,
    userId: "u",
    method,
    token: "tok_ok",
    description: "Seats",
    amount: { amount: 100, currency: "EUR" },
    payBy: "2099-01-01T00:00:00.000Z",
  });
  if (row === undefined) throw new Error("it is new");
  return row;
}
