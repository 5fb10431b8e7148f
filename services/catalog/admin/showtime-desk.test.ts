import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WAS_BOOKED } from "../../../proto/services/index.ts";
import type { HallPlanView, Movie, Showtime } from "../../../proto/rest/index.ts";
import {
  clientOf,
  HOUR_MS,
  type OpeningEngine,
  showtimeBody,
  statusesOf,
  testCatalog,
  type TestCatalog,
} from "../testing.ts";

let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;
let movie: Movie;
let hall: HallPlanView;

beforeAll(async () => {
  catalog = await testCatalog({ demo: false });
  await catalog.service.start();
  client = clientOf(await catalog.server());
  movie = await client.movie();
});
afterAll(() => catalog.close());
beforeEach(async () => {
  hall = await client.hall((await client.cinema()).id, { cleaningMinutes: 20 });
});

const SOON = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 48 * HOUR_MS;
const iso = (instant: number) => new Date(instant).toISOString();
const eur = (amount: number) => ({ amount, currency: "EUR" });
const kwd = (amount: number) => ({ amount, currency: "KWD" });
const make = (change: object = {}) =>
  client.ask("/showtimes", { method: "POST", body: { ...showtimeBody(movie.id, hall.id, SOON), ...change } });
const put = ({ id, version }: Showtime, change: object = {}) =>
  client.ask(`/showtimes/${id}`, {
    method: "PUT",
    body: { ...showtimeBody(movie.id, hall.id, SOON), version, ...change },
  });
const remove = ({ id }: Showtime) => client.ask(`/showtimes/${id}`, { method: "DELETE" });
const read = async ({ id }: Showtime) => (await client.ask(`/showtimes/${id}`)).json<Showtime>();
const told = (id: string, engine = catalog.engine) =>
  engine.commands.filter(({ showtime }) => showtime === id).map(({ type }) => type);
const eventsOf = ({ id }: Showtime) => catalog.events.filter(({ subject }) => subject === id).map(({ type }) => type);

describe("a showtime", () => {
  it("that is made is on sale at once, with what was left out as the description says", async () => {
    const answer = await make({ prices: [{ category: "all", adult: eur(1_000), child: eur(0) }] });
    expect(answer.statusCode).toBe(201);
    const showtime = answer.json<Showtime>();
    expect(answer.headers["location"]).toBe(`/api/v1/showtimes/${showtime.id}`);
    expect(showtime).toMatchObject({
      startsAt: iso(SOON),
      endsAt: iso(SOON + 1.5 * HOUR_MS),
      salesEndAt: iso(SOON),
      cancelUntil: iso(SOON - 2 * HOUR_MS),
      status: "on-sale",
      premiere: false,
      version: 1,
      categories: [
        {
          id: "all",
          price: eur(1_000),
          prices: { adult: eur(1_000), child: eur(0), senior: eur(1_000), student: eur(1_000) },
        },
      ],
    });
    expect(told(showtime.id)).toEqual(["open"]);
    expect((await client.ask(`/showtimes/${showtime.id}/seats`)).json()).toMatchObject({ statuses: "0".repeat(10) });
  });

  it("is announced until its sale begins", async () => {
    const showtime = (await make({ salesStartAt: iso(SOON - HOUR_MS) })).json<Showtime>();
    expect(showtime.status).toBe("announced");
    expect(catalog.engine.sales.get(showtime.id)?.rules.salesStartAt).toBe(SOON - HOUR_MS);
  });

  const past = iso(Date.now() - HOUR_MS);
  it.each([
    ["startsAt", { startsAt: past }],
    ["startsAt", { startsAt: "2031-02-30T20:00:00Z" }],
    ["startsAt", { startsAt: "2031-02-03T25:00:00Z" }],
    ["startsAt", { startsAt: "2031-02-03" }],
    ["startsAt", { startsAt: "tomorrow" }],
    ["startsAt", { startsAt: "2999-01-01T20:00:00Z" }],
    ["startsAt", { startsAt: 7 }],
    ["endsAt", { endsAt: iso(SOON) }],
    ["endsAt", { endsAt: iso(SOON + 25 * HOUR_MS) }],
    ["salesEndAt", { salesEndAt: iso(SOON + 3 * HOUR_MS) }],
    ["salesStartAt", { salesStartAt: iso(SOON) }],
    ["salesStartAt", { salesStartAt: "0001-01-01T00:00:00Z" }],
    ["cancelUntil", { cancelUntil: iso(SOON + 1) }],
    ["movieId", { movieId: "mv_nothing" }],
    ["hallId", { hallId: "ha_nothing" }],
    ["hallId", { hallId: "'; drop table catalog.hall; --" }],
    ["prices", { prices: [] }],
    ["prices.0.category", { prices: [{ category: "box", adult: eur(1) }] }],
    [
      "prices.1.category",
      {
        prices: [
          { category: "all", adult: eur(1) },
          { category: "all", adult: eur(2) },
        ],
      },
    ],
    ["prices.0.adult.amount", { prices: [{ category: "all", adult: eur(-1) }] }],
    ["prices.0.adult.amount", { prices: [{ category: "all", adult: eur(9.99) }] }],
    ["prices.0.child.amount", { prices: [{ category: "all", adult: eur(1), child: eur(-1) }] }],
    ["prices.0.adult.currency", { prices: [{ category: "all", adult: { amount: 1, currency: "euro" } }] }],
    [
      "prices.0.child.currency",
      { prices: [{ category: "all", adult: eur(1), child: { amount: 1, currency: "USD" } }] },
    ],
    ["prices.0.adult", { prices: [{ category: "all" }] }],
    ["prices.0.child.amount", { prices: [{ category: "all", adult: kwd(1_500), child: kwd(1) }] }],
  ])("is refused for its %s: %j", async (field, change) => {
    expect((await make(change)).json()).toMatchObject({ code: "BAD_MESSAGE", field: `body.${field}` });
  });

  it.each(["BHD", "JOD", "KWD", "OMR", "TND"])("has prices in %s of which card networks take all", async (currency) => {
    const prices = (amount: number) => [{ category: "all", adult: { amount, currency } }];
    const refusal = {
      code: "BAD_MESSAGE",
      field: "body.prices.0.adult.amount",
      detail: `body.prices.0.adult.amount must be a multiple of 10 in ${currency}.`,
    };
    expect((await make({ prices: prices(1_255) })).json()).toMatchObject(refusal);
    const showtime = (await make({ prices: prices(1_250) })).json<Showtime>();
    expect((await put(showtime, { prices: prices(1_255) })).json()).toMatchObject(refusal);
    expect((await put(showtime, { prices: prices(1_260) })).statusCode).toBe(200);
  });
});

describe("a hall", () => {
  it("has one showtime at a time: of fifty who want it at once, one gets it", async () => {
    const starts = Array.from({ length: 50 }, (_, at) => SOON + (at % 5) * 60_000);
    const answers = await Promise.all(starts.map((startsAt) => make({ startsAt: iso(startsAt) })));
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    for (const answer of answers)
      if (answer.statusCode !== 201) expect(answer.json()).toMatchObject({ code: "CONFLICT" });
  });

  it("is cleaned in between", async () => {
    const first = (await make()).json<Showtime>();
    const after = Date.parse(first.endsAt);
    expect((await make({ startsAt: iso(after + 19 * 60_000) })).statusCode).toBe(409);
    expect((await make({ startsAt: iso(after + 20 * 60_000) })).statusCode).toBe(201);
    expect((await make({ startsAt: iso(SOON - 1.75 * HOUR_MS) })).statusCode).toBe(409);
    expect((await put(first, { startsAt: iso(after) })).statusCode).toBe(409);
  });

  it("is free again once a showtime is cancelled", async () => {
    const first = (await make()).json<Showtime>();
    expect((await make()).statusCode).toBe(409);
    catalog.engine.taken.set(`${first.id} 0`, 2);
    await remove(first);
    expect((await make()).statusCode).toBe(201);
  });
});

describe("a change", () => {
  it("of times reaches the engine before it is answered, and is told", async () => {
    const showtime = (await make()).json<Showtime>();
    const startsAt = SOON + HOUR_MS;
    const answer = await put(showtime, {
      startsAt: iso(startsAt),
      salesEndAt: iso(SOON),
      prices: [{ category: "all", adult: eur(5) }],
    });
    expect(answer.json()).toMatchObject({ version: 2, startsAt: iso(startsAt), salesStartAt: showtime.salesStartAt });
    expect(await read(showtime)).toEqual(answer.json());
    expect(told(showtime.id)).toEqual(["open", "amend"]);
    const showEndsAt = startsAt + 1.5 * HOUR_MS;
    expect(catalog.engine.sales.get(showtime.id)?.rules).toMatchObject({ salesEndAt: SOON, showEndsAt, version: 2 });
    await expect.poll(() => eventsOf(showtime)).toEqual(["showtime.changed"]);
    const layout = (await client.ask(`/showtimes/${showtime.id}/layout`)).json<{ categories: object[] }>();
    expect(layout.categories).toMatchObject([{ price: eur(5) }]);
  });

  it("by ten at once is one's", async () => {
    const showtime = (await make()).json<Showtime>();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => put(showtime, { salesEndAt: iso(SOON - at * 1_000) })),
    );
    expect(statusesOf(answers)).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    expect(catalog.engine.sales.get(showtime.id)?.rules.salesEndAt).toBe(Date.parse((await read(showtime)).salesEndAt));
  });

  it("cannot move it to another hall", async () => {
    const showtime = (await make()).json<Showtime>();
    const other = await client.hall((await client.cinema()).id);
    expect((await put(showtime, { hallId: other.id })).json()).toMatchObject({ code: "CONFLICT" });
  });

  it("that the engine could not be told of is told later", async () => {
    const showtime = (await make()).json<Showtime>();
    catalog.engine.refusals.push({ type: "refused", code: "UNAVAILABLE", message: "away" });
    expect((await put(showtime, { salesEndAt: iso(SOON - 1) })).statusCode).toBe(200);
    await expect.poll(() => catalog.engine.sales.get(showtime.id)?.rules.salesEndAt).toBe(SOON - 1);
  });

  it("that a crash came after is told at the next start", async () => {
    const showtime = (await make()).json<Showtime>();
    await catalog.pool.query("update catalog.showtime set sales_end_at = $2, version = version + 1 where id = $1", [
      showtime.id,
      new Date(SOON - 5),
    ]);
    const restarted = catalog.another();
    await restarted.start();
    await expect.poll(() => catalog.engine.sales.get(showtime.id)?.rules.salesEndAt).toBe(SOON - 5);
    await restarted.stop();
  });

  it("that overtakes another on its way to the engine is told again", async () => {
    const showtime = (await make()).json<Showtime>();
    let release = () => {};
    const { ask } = catalog.engine;
    const held = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<void>((arrived) => {
      catalog.engine.ask = async function (this: OpeningEngine, request) {
        if (request.type === "amend" && request.rules.salesEndAt === SOON - 1) {
          arrived();
          await held;
        }
        return ask.call(this, request);
      };
    });
    const slow = put(showtime, { salesEndAt: iso(SOON - 1) });
    void slow.then(() => {}); // Injected requests start when somebody waits for them.
    await reached;
    expect((await put({ ...showtime, version: 2 }, { salesEndAt: iso(SOON - 2) })).statusCode).toBe(200);
    release();
    expect((await slow).statusCode).toBe(200);
    await expect.poll(() => catalog.engine.sales.get(showtime.id)?.rules.salesEndAt).toBe(SOON - 2);
    catalog.engine.ask = ask;
  });
});

describe("a cancelled showtime", () => {
  it("in which nobody has a seat is gone", async () => {
    const showtime = (await make()).json<Showtime>();
    expect((await remove(showtime)).statusCode).toBe(204);
    expect((await client.ask(`/showtimes/${showtime.id}`)).statusCode).toBe(404);
    expect(catalog.engine.sales.get(showtime.id)?.closed).toBe(true);
    expect((await remove(showtime)).statusCode).toBe(404);
  });

  it.each([1, 2] as const)(
    "stays where a seat is taken (%i), is closed to all, and everybody hears of it once",
    async (status) => {
      const showtime = (await make()).json<Showtime>();
      catalog.engine.taken.set(`${showtime.id} 3`, status);
      expect((await remove(showtime)).statusCode).toBe(204);
      expect(await read(showtime)).toMatchObject({ status: "cancelled", version: 2 });
      expect(told(showtime.id)).toEqual(["open", "close"]);
      expect((await remove(showtime)).statusCode).toBe(204);
      await expect.poll(() => eventsOf(showtime)).toEqual(["showtime.cancelled"]);
      expect(catalog.events.find(({ subject }) => subject === showtime.id)).toMatchObject({
        source: "/usher/catalog",
        data: { showtimeId: showtime.id, movieId: movie.id },
      });
      expect((await put({ ...showtime, version: 2 })).json()).toMatchObject({ code: "CONFLICT" });
    },
  );

  it("may be cancelled by a change as well, and then stays", async () => {
    const showtime = (await make()).json<Showtime>();
    const answer = await put(showtime, { status: "cancelled" });
    expect(answer.json()).toMatchObject({ status: "cancelled", version: 2 });
    expect(await read(showtime)).toEqual(answer.json());
    expect(catalog.engine.sales.get(showtime.id)?.closed).toBe(true);
    await expect.poll(() => eventsOf(showtime)).toEqual(["showtime.cancelled"]);
  });

  it("stays in the books for good once it was booked, and so do its movie, hall and cinema", async () => {
    const [film, room] = [await client.movie("Faust"), await client.hall(hall.cinemaId, { name: "Red room" })];
    const showtime = await client.showtime(film.id, room.id, SOON);
    catalog.booked.add(showtime.id);
    for (let time = 0; time < 2; time++) {
      expect((await remove(showtime)).statusCode).toBe(204);
      const { title, hallName, startsAt } = showtime;
      expect(await read(showtime)).toMatchObject({ status: "cancelled", title, hallName, startsAt });
    }
    for (const path of [`/movies/${film.id}`, `/halls/${room.id}`, `/cinemas/${hall.cinemaId}`]) {
      expect((await client.ask(path, { method: "DELETE" })).json()).toMatchObject({ code: "CONFLICT" });
    }
  });

  it("stays until bookings say that nobody has booked", async () => {
    const own = await testCatalog({ demo: false });
    try {
      await own.service.start();
      const admin = clientOf(await own.server());
      const { id } = await admin.showtime(
        (await admin.movie()).id,
        (await admin.hall((await admin.cinema()).id)).id,
        SOON,
      );
      own.bookings.close();
      expect((await admin.ask(`/showtimes/${id}`, { method: "DELETE" })).statusCode).toBe(204);
      expect((await admin.ask(`/showtimes/${id}`)).json()).toMatchObject({ status: "cancelled" });
      own.bus.serve(WAS_BOOKED, (_question, answer) => answer({ booked: false }));
      await expect.poll(async () => (await admin.ask(`/showtimes/${id}`)).statusCode).toBe(404);
    } finally {
      await own.close();
    }
  });

  it("that was cancelled is gone when it is deleted and nobody has a seat any more, nor ever booked one", async () => {
    const showtime = (await make()).json<Showtime>();
    catalog.engine.taken.set(`${showtime.id} 3`, 2);
    await put(showtime, { status: "cancelled" });
    expect((await remove(showtime)).statusCode).toBe(204);
    expect((await read(showtime)).status).toBe("cancelled");
    catalog.engine.taken.delete(`${showtime.id} 3`);
    expect((await remove(showtime)).statusCode).toBe(204);
    expect((await client.ask(`/showtimes/${showtime.id}`)).statusCode).toBe(404);
    await expect.poll(() => eventsOf(showtime)).toEqual(["showtime.cancelled"]);
  });

  it("is closed later when the engine is away, and gone then", async () => {
    const showtime = (await make()).json<Showtime>();
    const away = { type: "refused", code: "UNAVAILABLE", message: "away" } as const;
    catalog.engine.refusals.push(away, away);
    expect((await remove(showtime)).statusCode).toBe(204);
    await expect.poll(async () => (await client.ask(`/showtimes/${showtime.id}`)).statusCode).toBe(404);
    expect(catalog.engine.sales.get(showtime.id)?.closed).toBe(true);
  });

  it("stays in the books where the engine has archived it: nobody knows any more who had a seat", async () => {
    const showtime = (await make()).json<Showtime>();
    const archived = { type: "refused", code: "SALE_CLOSED", message: "archived" } as const;
    catalog.engine.refusals.push(archived, { type: "refused", code: "NOT_FOUND", message: "archived" });
    expect((await remove(showtime)).statusCode).toBe(204);
    expect(catalog.engine.refusals.splice(0)).toHaveLength(1); // It was told no more.
    expect(await read(showtime)).toMatchObject({ status: "cancelled" });
    const untold = "select id from catalog.showtime where id = $1 and engine_version <> version";
    expect((await catalog.pool.query(untold, [showtime.id])).rows).toEqual([]);
  });

  it("is not left on sale by whoever was still opening it when it was deleted", async () => {
    let release = () => {};
    const { ask } = catalog.engine;
    const held = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<string>((arrived) => {
      catalog.engine.ask = async function (this: OpeningEngine, request) {
        if (request.type === "open") {
          arrived(request.showtime);
          await held;
        }
        return ask.call(this, request);
      };
    });
    const slow = make();
    void slow.then(() => {}); // Injected requests start when somebody waits for them.
    const id = await reached;
    const showtime = (await client.ask(`/showtimes/${id}`)).json<Showtime>();
    expect((await remove(showtime)).statusCode).toBe(204);
    expect((await client.ask(`/showtimes/${id}`)).statusCode).toBe(404);
    release();
    await slow;
    expect(catalog.engine.sales.get(id)?.closed).toBe(true);
    catalog.engine.ask = ask;
  });

  it("is closed and told after a crash between row and engine", async () => {
    const showtime = (await make()).json<Showtime>();
    await catalog.pool.query(
      "update catalog.showtime set status = 'cancelled', removing = true, version = version + 1 where id = $1",
      [showtime.id],
    );
    catalog.engine.taken.set(`${showtime.id} 0`, 2);
    const restarted = catalog.another();
    await restarted.start();
    await expect.poll(() => catalog.engine.sales.get(showtime.id)?.closed).toBe(true);
    await restarted.stop();
    expect((await read(showtime)).status).toBe("cancelled");
  });

  it("cannot be one that is over", async () => {
    const showtime = (await make()).json<Showtime>();
    await catalog.pool.query(
      `update catalog.showtime set starts_at = now() - interval '3 hours', ends_at = now() - interval '1 hour', hall_free_at = now(),
         cancel_until = now() - interval '3 hours' where id = $1`,
      [showtime.id],
    );
    expect((await remove(showtime)).json()).toMatchObject({ code: "CONFLICT" });
    expect((await put(showtime, { status: "cancelled" })).json()).toMatchObject({ code: "CONFLICT" });
    expect((await put(showtime)).json()).toMatchObject({ code: "CONFLICT" });
  });
});
