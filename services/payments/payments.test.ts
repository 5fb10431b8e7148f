import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { Payments } from "./payments.ts";
import { bookOf } from "./testing/book.ts";
import { testShop } from "./testing/shop.ts";
import { Stepper } from "./work/stepper.ts";

it("a refund that another process does at the same moment is answered with what has gone back", async () => {
  const shop = await testShop({ webhooks: false });
  const { book, agenda, bus, log } = bookOf(shop);
  const other = await shop.open();
  await other.start({ paymentId: "pay_f" });
  await other.becomes("pay_f", "authorized");
  await other.capture("pay_f");
  class Overtaken extends Stepper {
    override async advance(...seen: Parameters<Stepper["advance"]>) {
      await other.refund("pay_f", "rf_f", 900);
      return super.advance(...seen);
    }
  }
  const stepper = new Overtaken({ book, agenda, gateways: new Map(), bus, log, metrics: new Registry() });
  const payments = new Payments({ book, methods: new Set(), stepper, clock: systemClock });
  expect(await payments.refund("pay_f", "rf_f", 900, "")).toMatchObject({ ok: true, value: { refunded: 900 } });
  await shop.close();
});
