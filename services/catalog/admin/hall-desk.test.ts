import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HallPlanView, Layout, SeatStatuses, Showtime } from "../../../proto/rest/index.ts";
import type { Static } from "typebox";
import { clientOf, HOUR_MS, smallHall, statusesOf, testCatalog, type TestCatalog } from "../testing.ts";

let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;
let cinemaId: string;

beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
  client = clientOf(await catalog.server());
});
afterAll(() => catalog.close());
beforeEach(async () => {
  cinemaId = (await client.cinema()).id;
});

const row = (name: string, seats: number) => ({ name, category: "all", parts: [seats] });
const sections = (...rows: object[]) => [{ name: "Floor", rows }];
const put = (hall: HallPlanView, change: object) =>
  client.ask(`/halls/${hall.id}`, {
    method: "PUT",
    body: { cinemaId: hall.cinemaId, ...smallHall, version: hall.version, ...change },
  });
const layoutOf = async ({ id }: Showtime) =>
  (await client.ask(`/showtimes/${id}/layout`)).json<Static<typeof Layout>>().seats.map(({ label }) => label);
const statusesIn = async ({ id }: Showtime) =>
  (await client.ask(`/showtimes/${id}/seats`)).json<Static<typeof SeatStatuses>>().statuses;

describe("a hall", () => {
  it("is drawn with rows, aisles, curves, flags and seats that stand anywhere", async () => {
    const hall = await client.hall(cinemaId, {
      orphanRule: "strict",
      accessibleRelease: { when: "before-end", minutes: 30 },
      categories: [
        { id: "front", name: "Front" },
        { id: "loge", name: "Loge", focal: { x: 0, y: 900 } },
      ],
      sections: [
        {
          name: "Parkett",
          shape: { kind: "arc", centre: { x: 0, y: 0 }, radius: 500, bearing: 0 },
          rows: [{ name: "A", category: "front", parts: [3, 3], accessible: [1], companions: [2] }],
        },
        {
          name: "Rang",
          prefix: "R-",
          rows: [
            {
              name: "A",
              category: "loge",
              seats: [
                { number: 7, x: -300, y: 900, aisleAfter: true },
                { number: 9, x: 300, y: 900, category: "front" },
              ],
            },
          ],
        },
      ],
    });
    expect((await client.ask(`/halls/${hall.id}`)).json()).toEqual(hall);
    const movie = await client.movie();
    const price = { adult: { amount: 1, currency: "EUR" } };
    const prices = [
      { category: "loge", ...price },
      { category: "front", ...price },
    ];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS, { prices });
    const layout = (await client.ask(`/showtimes/${showtime.id}/layout`)).json<Static<typeof Layout>>();
    expect(layout.seats.map(({ label, category }) => [label, category])).toEqual([
      ...["A1", "A2", "A3", "A4", "A5", "A6"].map((label) => [label, "front"]),
      ["R-A7", "loge"],
      ["R-A9", "front"],
    ]);
    expect(layout.seats[0]).toMatchObject({ section: "Parkett", accessible: true, companion: false });
    const sale = catalog.engine.sales.get(showtime.id);
    expect(sale?.rules).toMatchObject({ orphan: "strict", accessibleRelease: { when: "before-end", ms: 1_800_000 } });
    expect([...(sale?.plan.flags ?? [])]).toEqual([1, 2, 4, 0, 0, 0, 4, 0]);
  });

  it.each(["ha_premiere", "ha_arena"])("of the demo (%s) can be edited as it is read", async (id) => {
    const { seatCount, planVersion, id: _, ...hall } = (await client.ask(`/halls/${id}`)).json<HallPlanView>();
    const same = await client.ask(`/halls/${id}`, { method: "PUT", body: hall });
    expect(same.json()).toMatchObject({ seatCount, planVersion, version: hall.version + 1 });
  });

  it("is read as it was drawn last, also where every seat stays in its place", async () => {
    const drawnWith = (rowPitch: number) => ({ sections: [{ name: "Floor", rowPitch, rows: [row("A", 5)] }] });
    const hall = await client.hall(cinemaId, drawnWith(100));
    const changed = await put(hall, drawnWith(120));
    expect(changed.json()).toMatchObject({ planVersion: 1, version: 2, ...drawnWith(120) });
    expect((await client.ask(`/halls/${hall.id}`)).json()).toEqual(changed.json());
  });

  it("of 20,000 seats in one drawing is taken, one more is not", async () => {
    const rows = Array.from({ length: 20 }, (_, at) => row(String.fromCodePoint(65 + at), 1_000));
    const wide = { name: "Wide", rowPitch: 1, seatPitch: 1, aisleWidth: 1, rows };
    expect((await client.hall(cinemaId, { name: "Field", sections: [wide] })).seatCount).toBe(20_000);
    const answer = await client.ask("/halls", {
      method: "POST",
      body: { cinemaId, ...smallHall, sections: [{ ...wide, rows: [...rows, row("Z", 1)] }] },
    });
    expect(answer.json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.sections" });
  });

  it("has a name of its own in its cinema", async () => {
    await client.hall(cinemaId);
    const again = await client.ask("/halls", { method: "POST", body: { cinemaId, ...smallHall } });
    expect(again.json()).toMatchObject({ code: "CONFLICT" });
  });

  const seat = { number: 1, x: 0, y: 0 };
  it.each([
    ["no sections", { sections: [] }, "sections"],
    ["no rows", { sections: sections() }, "sections.0.rows"],
    ["a row of no parts", { sections: sections({ name: "A", category: "all", parts: [] }) }, "sections.0.rows.0.parts"],
    ["a part of no seats", { sections: sections(row("A", 0)) }, "sections.0.rows.0.parts.0"],
    ["a row of neither", { sections: sections({ name: "A", category: "all" }) }, "sections.0.rows.0.parts"],
    ["a row of both", { sections: sections({ ...row("A", 1), seats: [seat] }) }, "sections.0.rows.0.parts"],
    ["one row twice", { sections: sections(row("A", 2), row("A", 2)) }, "sections.0.rows.1"],
    ["labels that meet", { sections: sections(row("A1", 2), row("A", 12)) }, "sections.0.rows.1"],
    ["no categories", { categories: [] }, "categories"],
    ["one category twice", { categories: [...smallHall.categories, ...smallHall.categories] }, "categories"],
    ["another's category", { sections: sections({ ...row("A", 1), category: "box" }) }, "sections.0.rows.0.category"],
    [
      "a seat of no category",
      { sections: sections({ name: "A", seats: [seat] }) },
      "sections.0.rows.0.seats.0.category",
    ],
    [
      "a wheelchair place beyond the row",
      { sections: sections({ ...row("A", 3), accessible: [4] }) },
      "sections.0.rows.0.accessible",
    ],
    [
      "a coordinate that nobody can store",
      { sections: sections({ name: "A", category: "all", seats: [{ ...seat, x: 40_000 }] }) },
      "sections.0.rows.0.seats.0.x",
    ],
    [
      "seats a kilometre apart",
      {
        sections: sections({
          name: "A",
          category: "all",
          seats: [
            { ...seat, x: -30_000 },
            { ...seat, number: 2, x: 30_000 },
          ],
        }),
      },
      "sections.0.rows.0",
    ],
    [
      "half a centimetre",
      { sections: sections({ name: "A", category: "all", seats: [{ ...seat, y: 0.5 }] }) },
      "sections.0.rows.0.seats.0.y",
    ],
    [
      "an arc of no radius",
      { sections: [{ name: "F", shape: { kind: "arc" }, rows: [row("A", 1)] }] },
      "sections.0.shape.radius",
    ],
    ["minutes for always", { accessibleRelease: { when: "always", minutes: 5 } }, "accessibleRelease.minutes"],
    ["no minutes before the end", { accessibleRelease: { when: "before-end" } }, "accessibleRelease.minutes"],
    ["another's field", { sections: sections({ ...row("A", 1), colour: "red" }) }, "sections.0.rows.0.colour"],
    ["no such cinema", { cinemaId: "ci_nothing" }, "cinemaId"],
  ])("with %s is refused, naming the field", async (_name, change, field) => {
    const answer = await client.ask("/halls", { method: "POST", body: { cinemaId, ...smallHall, ...change } });
    expect(answer.json()).toMatchObject({ code: "BAD_MESSAGE", field: `body.${field}` });
  });
});

describe("another layout", () => {
  it("is for showtimes made from now on: those that are there keep theirs, and sell what the hall still has", async () => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const before = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    const changed = await put(hall, { sections: sections(row("A", 4), row("X", 2)) });
    expect(changed.json()).toMatchObject({ planVersion: 2, version: 2, seatCount: 6 });
    const after = await client.showtime(movie.id, hall.id, Date.now() + 48 * HOUR_MS);
    expect(await layoutOf(before)).toHaveLength(10);
    expect(await layoutOf(after)).toEqual(["A1", "A2", "A3", "A4", "X1", "X2"]);
    expect([await statusesIn(before), await statusesIn(after)]).toEqual(["0000333333", "000000"]);
    expect((await client.ask(`/showtimes/${before.id}`)).json()).toMatchObject({ seatCount: 10 });
  });

  it.each([1, 2] as const)("cannot lose a seat that is held or booked (%i)", async (status) => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    catalog.engine.taken.set(`${showtime.id} 6`, status);
    const lost = await put(hall, { sections: sections(row("A", 5)) });
    expect(lost.json()).toMatchObject({ code: "CONFLICT", showtimeId: showtime.id, labels: ["B2"] });
    expect((await client.ask(`/halls/${hall.id}`)).json()).toMatchObject({ planVersion: 1, version: 1 });
    expect(await statusesIn(showtime)).toBe(`000000${status}000`);
    expect((await put(hall, { sections: sections(row("B", 2)) })).statusCode).toBe(200);
    expect(await statusesIn(showtime)).toBe(`333330${status}333`);
  });

  it("brings seats back", async () => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    const smaller = await put(hall, { sections: sections(row("A", 5)) });
    expect(await statusesIn(showtime)).toBe("0000033333");
    await put(smaller.json(), { sections: sections(row("A", 3), row("B", 2)) });
    expect(await statusesIn(showtime)).toBe("0003300333");
  });

  it("that is refused at last leaves every seat on sale", async () => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    await client.hall(cinemaId, { name: "Red room" });
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    const answer = await put(hall, { name: "Red room", sections: sections(row("A", 5)) });
    expect(answer.json()).toMatchObject({ code: "CONFLICT" });
    expect(await statusesIn(showtime)).toBe("0000000000");
  });

  it.each([
    ["again", sections(row("A", 5)), "0000033333"],
    ["as it was", smallHall.sections, "0000000000"],
  ])("that a process died of is sent %s", async (_what, sent, statuses) => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    for (const seat of [4, 5, 6, 7, 8, 9]) catalog.engine.blocked.add(`${showtime.id} ${seat}`);
    expect((await put(hall, { sections: sent })).statusCode).toBe(200);
    expect(await statusesIn(showtime)).toBe(statuses);
  });

  it("counts for a showtime that the engine has not heard of yet", async () => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    catalog.engine.sales.delete(showtime.id);
    await catalog.pool.query("update catalog.showtime set engine_version = 0 where id = $1", [showtime.id]);
    expect((await put(hall, { sections: sections(row("A", 5)) })).statusCode).toBe(200);
    expect(await statusesIn(showtime)).toBe("0000033333");
  });

  it("is not made while the engine cannot say which seats are sold", async () => {
    const [movie, hall] = [await client.movie(), await client.hall(cinemaId)];
    const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
    catalog.engine.refusals.push({ type: "refused", code: "UNAVAILABLE", message: "away" });
    expect((await put(hall, { sections: sections(row("A", 5)) })).json()).toMatchObject({ code: "UNAVAILABLE" });
    expect((await client.ask(`/halls/${hall.id}`)).json()).toMatchObject({ planVersion: 1, version: 1 });
    expect(await statusesIn(showtime)).toBe("0000000000");
  });

  it("by two admins at once is one's", async () => {
    const hall = await client.hall(cinemaId);
    const answers = await Promise.all([1, 2, 3, 4].map((seats) => put(hall, { sections: sections(row("A", seats)) })));
    expect(statusesOf(answers)).toEqual([200, 409, 409, 409]);
    const { rows } = await catalog.pool.query("select version from catalog.hall_plan where hall_id = $1", [hall.id]);
    expect(rows).toHaveLength(2);
  });

  it("leaves the hall where it is", async () => {
    const hall = await client.hall(cinemaId);
    expect((await put(hall, { cinemaId: "ci_astoria" })).json()).toMatchObject({ code: "CONFLICT" });
  });
});
