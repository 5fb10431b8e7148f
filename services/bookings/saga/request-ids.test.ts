import { describe, expect, it, vi } from "vitest";
import { holderId, type RequestId, showtimeId } from "../../../proto/index.ts";
import { derivedId } from "../ids.ts";
import { over, useSale } from "../testing/sale.ts";
import { call, hasStatus, PRICE, read, until } from "../testing/world.ts";

const sale = useSale();
const { book, pay, cancel } = sale;

describe("a buyer who asks the engine ahead of the saga, under request ids that can be worked out", () => {
  /** As a WebSocket client does, which chooses its request ids. */
  const ask = (rid: string, seats: readonly number[]) =>
    sale.world.engineClient.ask({
      type: "hold",
      showtime: showtimeId(sale.showtime),
      holder: holderId("ada"),
      rid: rid as RequestId,
      seats,
    });

  it("gets the seats that are booked, and not others at their price", async () => {
    await sale.world.hold(sale.showtime, "eve", [50]);
    const { id, holdId } = await book([0, 1], { acceptOtherSeats: true });
    const refused = await ask(`${id}.confirm.${holdId.slice(sale.showtime.length + 1)}`, [50]);
    const other = await ask(`${id}.reseat`, [12, 13]);
    expect([refused, other]).toMatchObject([{ type: "refused", code: "SEAT_TAKEN" }, { type: "held" }]);
    await pay(id, "ok");
    expect(await until(sale.shop, id, over)).toMatchObject({ status: "confirmed", seats: [0, 1] });
    expect(await sale.world.booked(sale.showtime)).toEqual([0, 1]);
  });

  it("gets the money back for seats that are given back, and for no others", async () => {
    await sale.world.hold(sale.showtime, "eve", [50]);
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    const key = `cancel-${id}`;
    await ask(`${id}.cancel.${derivedId("rf_", "ada", key, id)}`, [50]);
    const cancelled = await call(sale.shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [1] }, key });
    expect(cancelled.json()).toMatchObject({ refunded: { amount: PRICE.adult } });
    expect(await sale.world.booked(sale.showtime)).toEqual([0]);
  });

  it("is told of them nowhere: they are made of a secret of each booking", async () => {
    const asked = vi.spyOn(sale.world.engineClient, "ask");
    const [one, other] = [await book([0]), await book([1])];
    await pay(one.id, "ok");
    await until(sale.shop, one.id, hasStatus("confirmed"));
    const seen = [(await cancel(one.id)).body, (await cancel(other.id)).body, await read(sale.shop, one.id)];
    const rids = asked.mock.calls.flatMap(([request]) =>
      "rid" in request && request.type !== "hold" ? [request.rid] : [],
    );
    asked.mockRestore();
    expect(new Set(rids).size).toBeGreaterThanOrEqual(5); // Two pins, a confirm and two cancels.
    await expect.poll(() => sale.world.eventsOf(one.id).length).toBe(4);
    const { rows } = await sale.world.pool.query<{ secret: string }>("select secret from bookings.booking");
    expect(new Set(rows.map(({ secret }) => secret)).size).toBe(rows.length);
    const told = JSON.stringify([seen, sale.world.events]);
    for (const word of [...rids, ...rows.map(({ secret }) => secret)]) expect(told).not.toContain(word);
  });
});
