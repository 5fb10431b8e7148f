/** The catalogue as its admins change it, what they may type wrong, and what viewers and buyers see of it. */
import { describe, expect, it } from "vitest";
import type { Hall, Showtime } from "../../proto/rest/index.ts";
import type { Static } from "typebox";
import { boxOffice } from "../support/box-office.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);
type Body = Readonly<Record<string, unknown>>;

const HOSTILE = [
  "'; drop schema catalog cascade; --",
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "{{7*7}} ${7*7} %s %n",
  "مرحبا بالعالم",
  "‮gnirts desrever",
  "🎬👩‍👩‍👧‍👦🇩🇪",
  "Zalgo t̸̢̛e̷x̶t̴",
  "\u00a0nbsp",
];

const eur = (amount: number) => ({ amount, currency: "EUR" });
const PRICES = [{ category: "standard", adult: eur(1_000), child: eur(600) }];
const drawing = (rows: number) => ({
  categories: [{ id: "standard", name: "Standard" }],
  sections: [
    {
      name: "Stalls",
      rows: Array.from({ length: rows }, (_, row) => ({
        name: String.fromCodePoint(65 + row),
        parts: [4],
        category: "standard",
      })),
    },
  ],
});

const asAdmin = async <Answered = Body>(method: string, path: string, body?: unknown) =>
  office.rest.call<Answered>(method, path, { token: (await purchases.admin()).token, body });
const made = async <Answered = Body>(
  path: string,
  body: object,
): Promise<Answered & { id: string; version: number }> => {
  const answer = await asAdmin<Answered & { id: string; version: number }>("POST", path, body);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return answer.body;
};
let halls = 0;
const newHall = (rows = 3): Promise<Static<typeof Hall>> =>
  made("halls", { cinemaId: "ci_astoria", name: `Attic ${++halls}`, ...drawing(rows) });
/** In a hall of its own, a year ahead. */
const STARTS = new Date(Date.now() + 365 * 86_400_000).toISOString();
const newShowtime = (hallId: string, more: object = {}): Promise<Showtime> =>
  made<Showtime>("showtimes", { movieId: "mv_metropolis", hallId, startsAt: STARTS, prices: PRICES, ...more });

it("a film, a cinema, a hall and a showtime are made, sold, and then kept as they were sold", async () => {
  const movie = await made("movies", {
    title: "The Usher",
    durationMinutes: 90,
    genres: ["Drama"],
    actors: ["Ann Lee"],
  });
  const cinema = await made("cinemas", { name: "Corner", city: "Weimar", timeZone: "Europe/Berlin" });
  const hall = await made("halls", { cinemaId: cinema.id, name: "One", ...drawing(3) });
  const showtime = await newShowtime(hall.id, { movieId: movie.id });
  expect(showtime).toMatchObject({ seatCount: 12, title: "The Usher", status: "on-sale" });
  const guest = await office.guest();
  const viewer = await office.connect();
  viewer.say({ op: "watch", showtime: showtime.id });
  await viewer.next("snapshot");
  const { id, total } = await purchases.buy(guest, showtime.id, [11]);
  expect(total).toEqual(eur(1_000));
  await viewer.until(() => viewer.halls.get(showtime.id as never)?.statuses[11] === 2);

  // The last row is sold from: it cannot go. Nor can what is above it.
  const smaller = await asAdmin("PUT", `halls/${hall.id}`, {
    cinemaId: cinema.id,
    name: "One",
    ...drawing(2),
    version: hall.version,
  });
  expect([smaller.status, smaller.body["code"]]).toEqual([409, "CONFLICT"]);
  for (const path of [`halls/${hall.id}`, `cinemas/${cinema.id}`, `movies/${movie.id}`]) {
    expect(await asAdmin("DELETE", path)).toMatchObject(problem(409, "CONFLICT"));
  }
  await purchases.tickets(guest, id, 1);

  // A showtime that goes pays everybody back.
  expect((await asAdmin("DELETE", `showtimes/${showtime.id}`)).status).toBe(204);
  await purchases.comesTo(guest, id, { status: "refunded", reason: expect.any(String) });
  await purchases.balances();

  // The books still say what it was for, whoever deletes it again.
  expect((await asAdmin("DELETE", `showtimes/${showtime.id}`)).status).toBe(204);
  const { title, cinemaName, hallName, startsAt } = showtime;
  const kept = await office.rest.get(`showtimes/${showtime.id}`);
  expect(kept).toMatchObject({ status: 200, body: { status: "cancelled", title, cinemaName, hallName, startsAt } });
  for (const path of [`halls/${hall.id}`, `cinemas/${cinema.id}`, `movies/${movie.id}`]) {
    expect(await asAdmin("DELETE", path)).toMatchObject(problem(409, "CONFLICT"));
  }
});

it("a seat that a hall loses is sold no more, not in showtimes that were made before either", async () => {
  const hall = await newHall(3);
  const showtime = await newShowtime(hall.id);
  const { token } = await office.guest();
  const change = await asAdmin("PUT", `halls/${hall.id}`, {
    cinemaId: "ci_astoria",
    name: hall.name,
    ...drawing(2),
    version: hall.version,
  });
  expect([change.status, change.body["seatCount"]]).toEqual([200, 8]);
  const hold = (seats: readonly number[]) =>
    office.rest.post(`showtimes/${showtime.id}/holds`, { token, body: { seats } });
  const gone = await hold([7, 8]);
  expect(gone).toMatchObject(problem(409, "SEAT_TAKEN"));
  expect(gone.body["seats"]).toEqual([8]);
  expect((await hold([7])).status).toBe(201);
});

it("showtimes of a hall do not overlap", async () => {
  const hall = await newHall();
  await newShowtime(hall.id);
  const body = { movieId: "mv_metropolis", hallId: hall.id, startsAt: STARTS, prices: PRICES };
  expect(await asAdmin("POST", "showtimes", body)).toMatchObject(problem(409, "CONFLICT"));
});

it("a sale that opens later is announced, and holds nothing before", async () => {
  const hall = await newHall();
  const salesStartAt = new Date(Date.now() + 86_400_000).toISOString();
  const showtime = await newShowtime(hall.id, { salesStartAt });
  expect(showtime.status).toBe("announced");
  const { token } = await office.guest();
  const answer = await office.rest.post(`showtimes/${showtime.id}/holds`, { token, body: { seats: [0] } });
  expect(answer).toMatchObject(problem(409, "SALE_CLOSED"));
});

it("of two admins who change one hall at once, one is told that it has changed", async () => {
  const { id, version } = await newHall();
  const change = (name: string) =>
    asAdmin("PUT", `halls/${id}`, { cinemaId: "ci_astoria", name, ...drawing(3), version });
  const both = await Promise.all([change("Left attic"), change("Right attic")]);
  expect(both.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
  expect(both.find(({ status }) => status === 409)).toMatchObject(problem(409, "CONFLICT"));
  expect(await change("Late attic")).toMatchObject(problem(409, "CONFLICT"));
});

describe("hostile text", () => {
  it.each(HOSTILE)("%s is kept as it is, and found", async (text) => {
    const movie = await made("movies", {
      title: text,
      durationMinutes: 90,
      genres: [text],
      actors: [text],
      synopsis: text,
    });
    const read = await office.rest.get(`movies/${movie.id}`);
    expect(read).toMatchObject({ status: 200, body: { title: text, actors: [text], genres: [text], synopsis: text } });
    expect(read.headers.get("content-type")).toMatch(/^application\/json/);
    for (const field of ["title", "actor", "genre"]) {
      const { status } = await office.rest.get(`movies?${field}=${encodeURIComponent(text)}`);
      expect([field, status]).toEqual([field, 200]);
    }
    const poster = await office.rest.get<string>(`movies/${movie.id}/poster.svg`);
    expect(poster.status).toBe(200);
    expect(poster.body).not.toMatch(/<script|<img/);
    const { body, status } = await office.rest.post<{ user: { name: string } }>("auth/register", {
      body: {
        email: `${Math.random().toString(36).slice(2)}@example.com`,
        password: "correct horse battery",
        name: text,
      },
    });
    expect([status, body.user.name]).toEqual([201, text]);
    expect((await office.rest.get(`movies?title=${encodeURIComponent("Metropolis")}`)).body["items"]).not.toEqual([]);
  });

  it.each(["cinemas?name=", "movies?cinema=", "showtimes?movieId=", "showtimes?cinemaId=", "movies?date="])(
    "in %s finds nothing, and breaks nothing",
    async (path) => {
      for (const text of [...HOSTILE, "\u0000", "%", "_", "\\", "x".repeat(5_000)]) {
        const { status, body } = await office.rest.get(path + encodeURIComponent(text));
        expect([text, status < 500, body["code"] ?? "BAD_MESSAGE"]).toEqual([text, true, "BAD_MESSAGE"]);
      }
    },
  );
});

describe("what cannot be", () => {
  const movie = { title: "X", durationMinutes: 90 };
  const hall = { cinemaId: "ci_astoria", name: "X" };
  const showtime = { movieId: "mv_metropolis", hallId: "ha_studio", startsAt: STARTS, prices: PRICES };
  const price = (adult: object) => [{ category: "standard", adult }];
  it.each<[string, string, unknown]>([
    ["a film without anything", "movies", {}],
    ["a film without a title", "movies", { ...movie, title: "" }],
    ["a film of blanks", "movies", { ...movie, title: "  " }],
    ["a film of control characters", "movies", { ...movie, title: "a\u0000b" }],
    ["half a character", "movies", { ...movie, title: "\ud800" }],
    ["a film of no length", "movies", { ...movie, durationMinutes: 0 }],
    ["a title of 10,000 letters", "movies", { ...movie, title: "x".repeat(10_000) }],
    ["an unknown field", "movies", { ...movie, rating: 5 }],
    ["a wrong type", "movies", { ...movie, durationMinutes: "90" }],
    ["a list", "movies", [movie]],
    ["null", "movies", "null"],
    ["no JSON", "movies", "{title"],
    ["a prototype", "movies", '{"title":"X","durationMinutes":90,"__proto__":{"admin":true}}'],
    ["a time zone that there is not", "cinemas", { name: "X", timeZone: "Mars/Olympus" }],
    ["a hall without rows", "halls", { ...hall, categories: [{ id: "a", name: "A" }], sections: [] }],
    ["a hall of no seats", "halls", { ...hall, ...drawing(0) }],
    [
      "a row of no seats",
      "halls",
      { ...hall, ...drawing(1), sections: [{ name: "S", rows: [{ name: "A", parts: [0] }] }] },
    ],
    [
      "rows of one name",
      "halls",
      {
        ...hall,
        ...drawing(1),
        sections: [
          {
            name: "S",
            rows: [
              { name: "A", parts: [1] },
              { name: "A", parts: [1] },
            ],
          },
        ],
      },
    ],
    [
      "a category that there is not",
      "halls",
      { ...hall, ...drawing(1), sections: [{ name: "S", rows: [{ name: "A", parts: [1], category: "gold" }] }] },
    ],
    [
      "a hall of a million seats",
      "halls",
      {
        ...hall,
        ...drawing(1),
        sections: Array.from({ length: 50 }, (_, at) => ({
          name: `S${at}`,
          prefix: `S${at}`,
          rows: Array.from({ length: 20 }, (__, row) => ({ name: `R${row}`, parts: [1_000] })),
        })),
      },
    ],
    ["a negative price", "showtimes", { ...showtime, prices: price(eur(-1)) }],
    ["half a cent", "showtimes", { ...showtime, prices: price(eur(0.5)) }],
    ["a price without end", "showtimes", { ...showtime, prices: price(eur(1e15)) }],
    ["a currency that there is not", "showtimes", { ...showtime, prices: price({ amount: 1, currency: "euro" }) }],
    ["no prices", "showtimes", { ...showtime, prices: [] }],
    ["a day that there is not", "showtimes", { ...showtime, startsAt: "2031-02-30T20:00:00Z" }],
    ["an hour that there is not", "showtimes", { ...showtime, startsAt: "2031-02-03T25:00:00Z" }],
    ["no time at all", "showtimes", { ...showtime, startsAt: "tomorrow" }],
    ["a showtime that is over", "showtimes", { ...showtime, startsAt: "2001-01-01T20:00:00Z" }],
    ["an end before the start", "showtimes", { ...showtime, endsAt: "2026-01-01T20:00:00Z" }],
    ["a year with five digits", "showtimes", { ...showtime, startsAt: "+012031-02-03T20:00:00Z" }],
  ])("%s is refused, and nothing is made", async (_, path, body) => {
    const answer = await asAdmin("POST", path, body);
    expect([answer.status, answer.body["code"]]).toEqual([expect.toBeOneOf([400, 409, 413]), expect.any(String)]);
    expect(answer).toMatchObject(problem(answer.status, String(answer.body["code"])));
  });

  it("a hall or a film that there is not", async () => {
    for (const body of [
      { ...showtime, movieId: "mv_none" },
      { ...showtime, hallId: "ha_none" },
    ]) {
      const answer = await asAdmin("POST", "showtimes", body);
      expect([answer.status, answer.body["code"]]).toEqual([expect.toBeOneOf([400, 404, 409]), expect.any(String)]);
    }
  });

  it.each([
    ["movies?date=2031-02-30"],
    ["movies?limit=0"],
    ["movies?limit=101"],
    ["movies?cursor=x"],
    ["showtimes?date=x"],
  ])("GET %s", async (path) => {
    expect(await office.rest.get(path)).toMatchObject(problem(400, "BAD_MESSAGE"));
  });
});

it("a search forgives typing errors, and its filters combine", async () => {
  const titles = async (query: string): Promise<unknown[]> => {
    const { body } = await office.rest.get<{ items: { title: string }[] }>(`movies?${query}`);
    return body.items.map(({ title }) => title);
  };
  expect(await titles("title=metropolsi")).toContain("Metropolis");
  expect(await titles("title=METROPOLIS&genre=science%20fiction")).toEqual(["Metropolis"]);
  expect(await titles("title=metropolis&genre=western")).toEqual([]);
  expect(await titles("actor=brigitte%20helm")).toContain("Metropolis");
});
