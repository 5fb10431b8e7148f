import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Process, type Shop, testShop } from "./shop.ts";

/** The shop of all tests of a file, a process of it, and the id of a payment for each test; there from `useOneShop` on. */
export let shop: Shop;
export let payments: Process;
export let id: string;

export function useOneShop(): void {
  let count = 0;
  beforeAll(async () => {
    shop = await testShop();
    payments = await shop.open();
  });
  beforeEach(() => {
    id = `pay_${(count += 1)}`;
    payments.events.length = 0;
  });
  afterEach(() => shop.gateway.setFaults({}));
  afterAll(() => shop.close());
}
