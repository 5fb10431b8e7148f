import { afterAll, beforeAll, expect, it } from "vitest";
import { HALL_PLAN, LABELLED_SEATS, QUOTE } from "../../proto/services/index.ts";
import type { Showtime } from "../../proto/rest/index.ts";
import { clientOf, HOUR_MS, testCatalog, type TestCatalog } from "./testing.ts";

let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
  client = clientOf(await catalog.server());
});
afterAll(() => catalog.close());

const quote = (showtimeId: string, seats: readonly number[], { fresh = false } = {}) =>
  catalog.bus.request(QUOTE, { showtimeId, seats, fresh }, { timeoutMs: 5_000 });
const minutesBetween = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 60_000;

it("a quote is a few seconds old at the most, and not at all where it has to be fresh", async () => {
  await quote("st_premiere", [0]);
  await catalog.pool.query(
    "update catalog.showtime set ends_at = ends_at + interval '1 minute' where id = 'st_premiere'",
  );
  const [remembered, now] = [await quote("st_premiere", [0]), await quote("st_premiere", [0], { fresh: true })];
  expect(minutesBetween(remembered!.showtime.endsAt, now!.showtime.endsAt)).toBe(1);
});

it("a quote has the showtime, and the seats in the order asked for with a price for everybody", async () => {
  const answer = await quote("st_premiere", [479, 0]);
  expect(answer?.showtime).toMatchObject({
    showtimeId: "st_premiere",
    movieId: "mv_metropolis",
    title: "Metropolis",
    cinemaName: "Astoria Lichtspiele",
    cinemaAddress: "Kantstraße 48, 10625 Berlin",
    hallName: "Premiere",
    timeZone: "Europe/Berlin",
    cancelled: false,
    currency: "EUR",
  });
  const eur = (amount: number) => ({ amount, currency: "EUR" });
  expect(answer?.seats).toMatchObject([
    { seat: 479, category: "premium" },
    {
      seat: 0,
      label: "A1",
      section: "Main floor",
      row: "A",
      number: 1,
      category: "value",
      categoryName: "Value",
      prices: { adult: eur(1_800), child: eur(1_080), senior: eur(1_350), student: eur(1_440) },
    },
  ]);
});

it("there is no quote without such a showtime or seat", async () => {
  for (const [showtime, seats] of [
    ["st_nothing", [0]],
    ["'; drop", [0]],
    ["st_premiere", [480]],
    ["st_premiere", [-1]],
    ["st_premiere", [0.5]],
    ["st_premiere", [0, 99_999]],
  ] as const) {
    expect(await quote(showtime, seats)).toBeNull();
  }
});

it("a quote follows a change of prices, and says when the showtime was cancelled", async () => {
  const [movie, cinema] = [await client.movie(), await client.cinema()];
  const hall = await client.hall(cinema.id);
  const showtime = await client.showtime(movie.id, hall.id, Date.now() + 24 * HOUR_MS);
  expect((await quote(showtime.id, [0]))?.seats[0]?.prices.adult.amount).toBe(1_000);
  const body = {
    movieId: movie.id,
    hallId: hall.id,
    startsAt: showtime.startsAt,
    prices: [{ category: "all", adult: { amount: 7, currency: "CHF" } }],
  };
  const put = (change: object) =>
    client.ask(`/showtimes/${showtime.id}`, { method: "PUT", body: { ...body, ...change } });
  const changed = (await put({ version: 1 })).json<Showtime>();
  expect(await quote(showtime.id, [0])).toMatchObject({
    showtime: { currency: "CHF" },
    seats: [{ prices: { adult: { amount: 7, currency: "CHF" }, child: { amount: 7, currency: "CHF" } } }],
  });
  await put({ version: changed.version, status: "cancelled" });
  expect((await quote(showtime.id, [0]))?.showtime.cancelled).toBe(true);
});

it("a hall's plan has every seat's place, in layout order", async () => {
  const plan = await catalog.bus.request(HALL_PLAN, { showtimeId: "st_premiere" }, { timeoutMs: 5_000 });
  const layout = (await client.ask("/showtimes/st_premiere/layout")).json<{ seats: { x: number; y: number }[] }>();
  expect(plan).toEqual(layout.seats.map(({ x, y }) => ({ x, y })));
  expect(await catalog.bus.request(HALL_PLAN, { showtimeId: "nope" }, { timeoutMs: 5_000 })).toBeNull();
});

it("seats are found by their labels, in the order asked for", async () => {
  const ask = (showtimeId: string, labels: readonly string[]) =>
    catalog.bus.request(LABELLED_SEATS, { showtimeId, labels }, { timeoutMs: 5_000 });
  expect(await ask("st_premiere", ["A2", "Z99", "A1", "A2", "__proto__"])).toEqual([1, null, 0, 1, null]);
  expect(await ask("st_premiere", [])).toEqual([]);
  expect(await ask("nope", ["A1"])).toBeNull();
});
