import { describe, expect, it } from "vitest";
import { testShop } from "../testing/shop.ts";

describe("GET /payments/reconciliation", () => {
  it("is for admins", async () => {
    const shop = await testShop();
    const { url } = await shop.open();
    const get = (role?: string) =>
      fetch(`${url}/api/v1/payments/reconciliation`, {
        headers: role === undefined ? {} : { authorization: `Bearer ada.${role}` },
      });
    const roles = [undefined, "customer", "guest", "kiosk", "boxoffice", "gate", "admin"];
    const statuses = await Promise.all(roles.map(async (role) => (await get(role)).status));
    expect(statuses).toEqual([401, 403, 403, 403, 403, 403, 200]);
    expect(await (await get("admin")).json()).toMatchObject({
      compared: 0,
      unreachable: [],
      differences: [],
      truncated: false,
    });
    await shop.close();
  });
});
