import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS } from "../../../proto/index.ts";
import type { Cinema, CinemaWithHalls, Movie, Page, Showtime } from "../../../proto/rest/index.ts";
import { dayIn } from "../local-day.ts";
import { testCatalog, type TestCatalog } from "../testing.ts";
import type { TestServer } from "../../../platform/http/testing.ts";

let catalog: TestCatalog;
let server: TestServer;

beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
  server = await catalog.server();
});
afterAll(() => catalog.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  server.app.inject({ url: `/api/v1${path}`, headers });

async function ok<Body>(path: string): Promise<Body> {
  const response = await get(path);
  expect(response.statusCode, `${path}: ${response.body.slice(0, 300)}`).toBe(200);
  return response.json<Body>();
}

async function refused(path: string, code: keyof typeof ERRORS): Promise<void> {
  const response = await get(path);
  expect(response.json(), path).toMatchObject({ code, status: ERRORS[code].status });
  expect(response.headers["content-type"]).toContain("application/problem+json");
}

/** Every item, page by page. */
async function all<Item>(path: string, limit: number): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Page<Item> = await ok(
      `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor && `&cursor=${cursor}`}`,
    );
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  return items;
}

const titles = async (query: string) => (await ok<Page<Movie>>(`/movies?${query}`)).items.map((movie) => movie.title);
const premiere = async () => {
  const [showtime] = (await ok<Page<Showtime>>("/showtimes?premiere=true")).items;
  if (showtime === undefined) throw new Error("the demo has a premiere");
  return showtime;
};

describe("movies", () => {
  it("come by title, with all that is known of them", async () => {
    const { items, nextCursor } = await ok<Page<Movie>>("/movies");
    expect(items).toHaveLength(12);
    expect(nextCursor).toBeNull();
    expect(items.map((movie) => movie.title)).toEqual(items.map((movie) => movie.title).sort());
    expect(items.find((movie) => movie.id === "mv_metropolis")).toMatchObject({
      title: "Metropolis",
      year: 1927,
      director: "Fritz Lang",
      durationMinutes: 153,
      poster: "/api/v1/movies/mv_metropolis/poster.svg",
    });
  });

  it.each([
    ["title=metro", ["Metropolis"]],
    ["title=THE%20G", ["The General", "The Gold Rush"]],
    ["genre=science%20fiction", ["A Trip to the Moon", "Metropolis"]],
    ["genre=science", []],
    ["actor=melies", ["A Trip to the Moon"]],
    ["actor=M%C3%89LI%C3%88S", ["A Trip to the Moon"]],
    ["actor=frohlich", ["Metropolis"]],
    ["actor=keaton", ["Sherlock Jr.", "The General"]],
    ["actor=keaton&genre=war", ["The General"]],
    ["actor=keaton&genre=war&title=sherlock", []],
    ["title=%25", []],
    ["title=_", []],
    ["title='%20or%201=1--", []],
    ["title=%F0%9F%8E%AC", []],
    ["title=safety%20%20LAST!", ["Safety Last!"]],
  ])("are found by %s", async (query, expected) => {
    expect(await titles(query)).toEqual(expected);
  });

  it("are found by a day in the cinema's time zone, together with the other filters", async () => {
    const { timeZone, startsAt } = await premiere();
    const day = dayIn(timeZone, Date.parse(startsAt));
    const onDay = await titles(`date=${day}`);
    expect(onDay).toContain("Metropolis");
    expect(onDay.length).toBeLessThanOrEqual(12);
    expect(await titles(`date=${day}&title=metropolis&genre=drama&actor=helm`)).toEqual(["Metropolis"]);
    expect(await titles("date=2001-01-01")).toEqual([]);
  });

  it.each([1, 5, 11, 12, 100])("come exactly once each in pages of %i", async (limit) => {
    const movies = await all<Movie>("/movies", limit);
    expect(new Set(movies.map((movie) => movie.id)).size).toBe(12);
    expect(movies).toHaveLength(12);
  });

  it("can be read one by one", async () => {
    expect(await ok<Movie>("/movies/mv_nosferatu")).toMatchObject({ title: "Nosferatu", year: 1922 });
  });

  it("have posters that may be kept, and may run nothing", async () => {
    const response = await get("/movies/mv_metropolis/poster.svg");
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": expect.stringContaining("image/svg+xml"),
      "cache-control": expect.stringContaining("max-age="),
      "content-security-policy": expect.stringContaining("default-src 'none'"),
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "cross-origin", // Pages of ALLOWED_ORIGINS show it too.
    });
    expect(response.body).toContain("METROPOLIS");
    const again = await get("/movies/mv_metropolis/poster.svg", { "if-none-match": String(response.headers["etag"]) });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    // A cache would take these over for what it has.
    for (const name of ["content-type", "content-length"]) expect(again.headers).not.toHaveProperty(name);
  });
});

describe("cinemas", () => {
  it("come with where they are, and each with its halls", async () => {
    const { items } = await ok<Page<Cinema>>("/cinemas");
    expect(items.map(({ id, timeZone }) => [id, timeZone])).toEqual([
      ["ci_tejo", "Europe/Lisbon"],
      ["ci_astoria", "Europe/Berlin"],
    ]);
    const { halls } = await ok<CinemaWithHalls>("/cinemas/ci_astoria");
    expect(halls.map(({ name, seatCount }) => [name, seatCount])).toEqual([
      ["Classic", 240],
      ["Premiere", 480],
      ["Studio", 96],
    ]);
    expect((await ok<CinemaWithHalls>("/cinemas/ci_tejo")).halls).toMatchObject([{ seatCount: 20_000 }]);
    expect(await all<Cinema>("/cinemas", 1)).toEqual(items);
  });
});

describe("showtimes", () => {
  it("come by start, each exactly once in whatever pages", async () => {
    const pages = await all<Showtime>("/showtimes", 7);
    const starts = pages.map((showtime) => showtime.startsAt);
    expect(pages.length).toBeGreaterThanOrEqual(7 * 13);
    expect(new Set(pages.map((showtime) => showtime.id)).size).toBe(pages.length);
    expect(starts).toEqual([...starts].sort());
    expect(await all<Showtime>("/showtimes", 100)).toEqual(pages);
  });

  it("say what is shown where, when it is sold and for how much", async () => {
    const showtime = await premiere();
    expect(showtime).toMatchObject({
      movieId: "mv_metropolis",
      title: "Metropolis",
      cinemaId: "ci_astoria",
      hallId: "ha_premiere",
      timeZone: "Europe/Berlin",
      status: "on-sale",
      premiere: true,
      seatCount: 480,
    });
    const eur = (amount: number) => ({ amount, currency: "EUR" });
    expect(showtime.categories).toEqual([
      {
        id: "value",
        name: "Value",
        price: eur(1_800),
        prices: { adult: eur(1_800), child: eur(1_080), senior: eur(1_350), student: eur(1_440) },
      },
      expect.objectContaining({ id: "standard", name: "Standard", price: eur(2_400) }),
      expect.objectContaining({ id: "premium", name: "Premium", price: eur(3_200) }),
    ]);
    expect(showtime.cancelUntil).toBe(showtime.startsAt);
    expect(showtime.salesEndAt).toBe(showtime.startsAt);
    expect(new Date(showtime.startsAt).toISOString()).toBe(showtime.startsAt);
    expect(await ok<Showtime>(`/showtimes/${showtime.id}`)).toEqual(showtime);
  });

  it("are found by movie, cinema and day at once", async () => {
    const showtime = await premiere();
    const day = dayIn(showtime.timeZone, Date.parse(showtime.startsAt));
    const found = await ok<Page<Showtime>>(`/showtimes?movieId=mv_metropolis&cinemaId=ci_astoria&date=${day}`);
    expect(found.items.map((each) => each.id)).toContain(showtime.id);
    for (const each of found.items) {
      expect([each.movieId, each.cinemaId, dayIn(each.timeZone, Date.parse(each.startsAt))]).toEqual([
        "mv_metropolis",
        "ci_astoria",
        day,
      ]);
    }
    expect((await ok<Page<Showtime>>(`/showtimes?date=${day}`)).items).toHaveLength(16);
    expect((await ok<Page<Showtime>>(`/showtimes?date=${day}&cinemaId=ci_tejo`)).items).toHaveLength(1);
    expect((await ok<Page<Showtime>>("/showtimes?movieId=mv_nothing")).items).toEqual([]);
    expect((await ok<Page<Showtime>>("/showtimes?date=1999-12-31")).items).toEqual([]);
    expect((await ok<Page<Showtime>>("/showtimes?date=9999-12-31")).items).toEqual([]);
  });

  it("of one movie are those of the list", async () => {
    const listed = await all<Showtime>("/showtimes?movieId=mv_caligari", 4);
    expect(listed.length).toBeGreaterThan(0);
    expect(await all<Showtime>("/movies/mv_caligari/showtimes", 3)).toEqual(listed);
  });
});

describe("a layout", () => {
  it("has the contract's shape", async () => {
    const { id } = await premiere();
    const layout = await ok<{ showtimeId: string; seats: Record<string, unknown>[]; categories: unknown[] }>(
      `/showtimes/${id}/layout`,
    );
    expect(Object.keys(layout)).toEqual(["showtimeId", "seats", "categories"]);
    expect(layout.showtimeId).toBe(id);
    expect(layout.seats).toHaveLength(480);
    expect(layout.seats[0]).toEqual({
      index: 0,
      label: "A1",
      section: "Main floor",
      row: "A",
      number: 1,
      category: "value",
      x: expect.any(Number),
      y: expect.any(Number),
      accessible: true,
      companion: false,
    });
    expect(layout.categories).toEqual((await premiere()).categories);
  });

  it("of 20,000 seats comes from memory, plain and in gzip, with a tag for each", async () => {
    const [arena] = (await ok<Page<Showtime>>("/showtimes?cinemaId=ci_tejo")).items;
    const plain = await get(`/showtimes/${arena?.id}/layout`);
    const zipped = await get(`/showtimes/${arena?.id}/layout`, { "accept-encoding": "br, gzip;q=0.8" });
    expect(plain.json().seats).toHaveLength(20_000);
    expect(plain.headers["content-length"]).toBe(String(plain.rawPayload.length));
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(zipped.rawPayload).equals(plain.rawPayload)).toBe(true);
    expect(zipped.rawPayload.length).toBeLessThan(plain.rawPayload.length / 5);
    expect(zipped.headers["etag"]).not.toBe(plain.headers["etag"]);
    expect(plain.headers["vary"]).toBe("Origin, accept-encoding");
    expect(
      (await get(`/showtimes/${arena?.id}/layout`, { "accept-encoding": "gzip;q=0" })).headers["content-encoding"],
    ).toBeUndefined();
  });

  it("is not sent again to whoever has it, and differs from showtime to showtime", async () => {
    const { id } = await premiere();
    const first = await get(`/showtimes/${id}/layout`);
    const etag = String(first.headers["etag"]);
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(first.headers["cache-control"]).toMatch(/^public, max-age=\d+$/);
    const again = await get(`/showtimes/${id}/layout`, { "if-none-match": `"other", ${etag}` });
    expect([again.statusCode, again.body, again.headers["etag"]]).toEqual([304, "", etag]);
    const other = (await all<Showtime>("/showtimes", 50)).find(
      (showtime) => showtime.hallId === "ha_premiere" && showtime.id !== id,
    );
    expect((await get(`/showtimes/${other?.id}/layout`)).headers["etag"]).not.toBe(etag);
  });

  it("answers HEAD like GET without the body", async () => {
    const { id } = await premiere();
    const head = await server.app.inject({ method: "HEAD", url: `/api/v1/showtimes/${id}/layout` });
    expect([head.statusCode, head.body]).toEqual([200, ""]);
    expect(head.headers["etag"]).toBe((await get(`/showtimes/${id}/layout`)).headers["etag"]);
  });
});

describe("the seats of a showtime", () => {
  it("are the engine's word, one digit per seat, and not to be kept", async () => {
    const { id } = await premiere();
    catalog.engine.taken.set(`${id} 0`, 1);
    const response = await get(`/showtimes/${id}/seats`);
    expect(response.json()).toEqual({ showtimeId: id, epoch: 3, seq: 7, statuses: `1${"0".repeat(479)}` });
    expect(response.headers["cache-control"]).toBe("no-store");
  });

  it("are unavailable, with a time to come again, while the engine is away or has not been told of the showtime", async () => {
    const { id } = await premiere();
    catalog.engine.refusals.push({ type: "refused", code: "BUSY", message: "full", retryInMs: 1_500 });
    const busy = await get(`/showtimes/${id}/seats`);
    expect(busy.json()).toMatchObject({ code: "BUSY", retryInMs: 1_500 });
    expect(busy.headers["retry-after"]).toBe("2");
    catalog.engine.refusals.push({ type: "refused", code: "NOT_FOUND", message: "There is no such showtime on sale." });
    await refused(`/showtimes/${id}/seats`, "UNAVAILABLE");
  });
});

describe("bad input", () => {
  it.each([
    "/movies/mv_nothing",
    "/movies/mv_nothing/showtimes",
    "/movies/mv_nothing/poster.svg",
    "/cinemas/ci_nothing",
    "/showtimes/st_nothing",
    "/showtimes/st_nothing/layout",
    "/showtimes/st_nothing/seats",
    "/showtimes/%F0%9F%8E%AC",
    "/movies/'%20or%20'1'='1",
    `/movies/${"x".repeat(100)}`,
    `/movies/${"x".repeat(1_000)}`,
  ])("%s is not found", async (path) => {
    await refused(path, "NOT_FOUND");
  });

  it.each([
    "/movies?title=%00metropolis",
    "/showtimes/%00",
    "/movies?date=2026-02-30",
    "/movies?date=tomorrow",
    "/movies?date=0000-01-01",
    "/showtimes?date=2026-13-01",
    "/showtimes?date=2026-11-21T10:00:00Z",
    "/movies/mv_metropolis/showtimes?date=2027-02-29",
    "/movies?limit=0",
    "/movies?limit=101",
    "/movies?limit=99999999999999999999",
    "/movies?limit=-1",
    "/movies?limit=ten",
    "/movies?cursor=nonsense",
    "/movies?cursor=W10",
    "/showtimes?cursor=eyJhIjoxfQ",
    `/showtimes?cursor=${Buffer.from('[1e300,"x"]').toString("base64url")}`,
    `/movies?cursor=${Buffer.from('["a\\u0000b","x"]').toString("base64url")}`,
    `/cinemas?cursor=${Buffer.from('["a","\\u0000"]').toString("base64url")}`,
    `/movies?title=${"x".repeat(201)}`,
    "/showtimes?movieId='%20or%201=1",
    "/showtimes?premiere=perhaps",
  ])("%s is refused", async (path) => {
    await refused(path, "BAD_MESSAGE");
  });
});
