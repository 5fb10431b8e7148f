import { expect, it } from "vitest";
import { addedTo, bookOf } from "../testing/book.ts";
import { testShop } from "../testing/shop.ts";

it("a refusal that several hear counts once, so that no key of the gateway is passed over", async () => {
  const shop = await testShop({ webhooks: false });
  const { book, agenda } = bookOf(shop);
  const seen = await addedTo(book, "pay_d", "bk_3");
  await shop.pool.query(
    "insert into payments.refund (id, payment_id, amount, reason, state, created_at) values ('rf_d', 'pay_d', 100, '', 'open', now())",
  );
  const [refund] = await book.openRefunds("pay_d");
  const refusals = async () => [(await book.find("pay_d"))?.refusals, (await book.openRefunds("pay_d"))[0]?.refusals];
  for (let heard = 0; heard < 2; heard++) {
    await agenda.postponeRefused(seen);
    await agenda.postponeRefused(seen, refund);
    expect(await refusals()).toEqual([1, 1]);
  }
  const [next] = await book.openRefunds("pay_d");
  await agenda.postponeRefused(seen, next);
  expect(await refusals()).toEqual([1, 2]);
  await shop.close();
});
