import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cinema, Movie, Page } from "../../../proto/rest/index.ts";
import { clientOf, testCatalog, type TestCatalog } from "../testing.ts";

let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
  client = clientOf(await catalog.server());
});
afterAll(() => catalog.close());

async function page<Item>(path: string): Promise<Page<Item>> {
  const answer = await client.ask(path);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Page<Item>>();
}
const titles = async (query: string) => (await page<Movie>(`/movies?${query}`)).items.map(({ title }) => title);

describe("a title with typing errors", () => {
  it.each([
    ["metroplis", "Metropolis"],
    ["Metropolsi", "Metropolis"],
    ["METORPOLIS", "Metropolis"],
    ["nosfertu", "Nosferatu"],
    ["nosferratu", "Nosferatu"],
    ["genarel", "The General"],
    ["the genral", "The General"],
    ["kaligari", "The Cabinet of Dr. Caligari"],
    ["sherlok", "Sherlock Jr."],
    ["gold rsuh", "The Gold Rush"],
    ["saftey last", "Safety Last!"],
  ])("%s finds %s before all others", async (typed, title) => {
    expect((await titles(`title=${encodeURIComponent(typed)}`))[0]).toBe(title);
  });

  it.each(["qqqqqq", "xylophone zebra", "🎬🎬🎬", "שלום", "%%%", "___", "'", '"', "\\", "--"])(
    "%j resembles nothing",
    async (typed) => {
      expect(await titles(`title=${encodeURIComponent(typed)}`)).toEqual([]);
    },
  );

  it("is not forgiven where a title has what was typed", async () => {
    expect(await titles("title=general")).toEqual(["The General"]);
  });

  it("is forgiven together with the other filters", async () => {
    expect(await titles("title=metroplis&genre=drama&cinema=astoria")).toEqual(["Metropolis"]);
    expect(await titles("title=metroplis&genre=war")).toEqual([]);
  });

  it("is looked up in an index", async () => {
    const { rows } = await catalog.pool.query(
      "select indexdef from pg_indexes where schemaname = 'catalog' and indexdef like '%title_folded%trgm%'",
    );
    expect(rows).toHaveLength(1);
  });
});

describe("matches", () => {
  it("come the very title first, then beginnings, then words, then the rest", async () => {
    for (const title of ["Zephyrine", "The Zephyr", "Antizephyr", "Zephyr", "Zephyr Train"]) await client.movie(title);
    expect(await titles("title=zephyr")).toEqual(["Zephyr", "Zephyr Train", "Zephyrine", "The Zephyr", "Antizephyr"]);
    expect(await titles("title=ZEPHYR&limit=2")).toEqual(["Zephyr", "Zephyr Train"]);
  });

  it.each(["title=serial", "title=seriall part", ""])(
    "of %j come exactly once each, in one order, while others are added",
    async (query) => {
      for (let part = 10; part < 22; part++) await client.movie(`Serial, part ${part}`);
      const before = await page<Movie>(`/movies?${query}&limit=100`);
      const seen: Movie[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const next: Page<Movie> = await page(`/movies?${query}&limit=3${cursor && `&cursor=${cursor}`}`);
        seen.push(...next.items);
        cursor = next.nextCursor;
        await client.movie(`Serial, part ${10 + seen.length}½`);
      }
      const ids = seen.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const known = new Set(before.items.map(({ id }) => id));
      expect(ids.filter((id) => known.has(id))).toEqual(before.items.map(({ id }) => id));
    },
  );
});

describe("names of the greatest length", () => {
  it.each(["電", "갂", "\u{20000}"])("of %s are paged through like any other", async (letter) => {
    for (const end of ["a", "b", "c"]) {
      await client.movie(`${letter.repeat(199)}${end}`);
      await client.cinema(`${letter.repeat(119)}${end}`);
    }
    for (const list of ["/movies", `/movies?title=${encodeURIComponent(letter.repeat(20))}`, "/cinemas"]) {
      const names: string[] = [];
      for (let cursor: string | null = ""; cursor !== null;) {
        const next: Page<{ readonly title?: string; readonly name?: string }> = await page(
          `${list}${list.includes("?") ? "&" : "?"}limit=1${cursor && `&cursor=${cursor}`}`,
        );
        names.push(...next.items.map(({ title, name }) => title ?? name ?? ""));
        cursor = next.nextCursor;
      }
      expect(names.filter((name) => name.startsWith(letter)).length, list).toBe(3);
    }
  });
});

describe("a cinema", () => {
  it("narrows movies to what it shows, on a day or still to come", async () => {
    const [movie, cinema] = [await client.movie("Only here"), await client.cinema("Gloria Palast")];
    const hall = await client.hall(cinema.id);
    const startsAt = Date.parse("2031-07-01T22:30:00Z");
    await client.showtime(movie.id, hall.id, startsAt);
    expect(await titles(`cinemaId=${cinema.id}`)).toEqual(["Only here"]);
    expect(await titles("cinema=GLORIA")).toEqual(["Only here"]);
    expect(await titles(`cinema=gloria&date=2031-07-02`)).toEqual(["Only here"]); // Half past midnight in Berlin.
    expect(await titles(`cinema=gloria&date=2031-07-01`)).toEqual([]);
    expect(await titles("cinema=gloria&title=metropolis")).toEqual([]);
    expect((await titles("cinema=berlin")).length).toBeGreaterThan(5);
    expect(await titles("cinemaId=ci_nothing")).toEqual([]);
  });

  it("is found by its name or city", async () => {
    const found = await page<Cinema>("/cinemas?name=LISBOA");
    expect(found.items.map(({ id }) => id)).toEqual(["ci_tejo"]);
    expect((await page<Cinema>("/cinemas?name=%25")).items).toEqual([]);
  });
});

describe("answers", () => {
  it("of every GET may be kept, and are not sent again while they hold", async () => {
    const paths = [
      "/movies",
      "/movies/mv_metropolis",
      "/movies/mv_metropolis/showtimes",
      "/movies/mv_metropolis/poster.svg",
      "/cinemas",
      "/cinemas/ci_tejo",
      "/halls/ha_arena",
      "/showtimes",
      "/showtimes/st_premiere",
      "/showtimes/st_premiere/layout",
    ];
    for (const path of paths) {
      const first = await client.ask(path);
      expect([path, first.statusCode]).toEqual([path, 200]);
      expect(first.headers["cache-control"]).toMatch(/^public, max-age=\d+/);
      const again = await client.ask(path, { headers: { "if-none-match": String(first.headers["etag"]) } });
      expect([again.statusCode, again.body]).toEqual([304, ""]);
    }
  });

  it("of another process follow a change as soon as word of it comes", async () => {
    const other = catalog.another();
    await other.start();
    const elsewhere = clientOf(await catalog.server(other));
    const { id } = await client.movie("Before");
    expect((await elsewhere.ask(`/movies/${id}`)).json()).toMatchObject({ title: "Before" });
    await client.ask(`/movies/${id}`, { method: "PUT", body: { title: "After", durationMinutes: 1, version: 1 } });
    await expect.poll(async () => (await elsewhere.ask(`/movies/${id}`)).json().title).toBe("After");
    await other.stop();
  });
});
