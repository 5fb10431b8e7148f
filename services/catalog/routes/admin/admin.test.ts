import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../../platform/clock/index.ts";
import type { Role } from "../../../../proto/index.ts";
import {
  ChangedCinema,
  ChangedMovie,
  ChangedShowtime,
  type CinemaWithHalls,
  type Movie,
  type Showtime,
} from "../../../../proto/rest/index.ts";
import {
  clientOf,
  HOUR_MS,
  showtimeBody,
  smallHall,
  statusesOf,
  testCatalog,
  type TestCatalog,
} from "../../testing.ts";

let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  catalog = await testCatalog({ demo: false });
  await catalog.service.start();
  client = clientOf(await catalog.server());
});
afterAll(() => catalog.close());

const SOON = Date.now() + 48 * HOUR_MS;

it("what is shown of a thing that was made with little may be put back", async () => {
  const make = async (path: string, body: object) =>
    (await client.ask(path, { method: "POST", body })).json<{ readonly id: string }>();
  const movie = await make("/movies", { title: "The Lodger", durationMinutes: 92 });
  const cinema = await make("/cinemas", { name: "Filmtheater am Markt" });
  const hall = await client.hall(cinema.id);
  const showtime = await make("/showtimes", showtimeBody(movie.id, hall.id, SOON));
  for (const [path, schema] of [
    [`/movies/${movie.id}`, ChangedMovie],
    [`/cinemas/${cinema.id}`, ChangedCinema],
    [`/showtimes/${showtime.id}`, ChangedShowtime],
  ] as const) {
    const { version, ...shown } = (await client.ask(path)).json<{ version: number } & Partial<Showtime>>();
    const prices = shown.categories?.map(({ id: category, prices: each }) => ({ category, ...each }));
    const taken = Object.entries({ ...shown, prices }).filter(([name]) => Object.hasOwn(schema.properties, name));
    const put = await client.ask(path, { method: "PUT", body: { ...Object.fromEntries(taken), version } });
    expect([path, put.statusCode]).toEqual([path, 200]);
    expect(put.json()).toEqual({ ...shown, version: version + 1 });
  }
});

describe("a movie", () => {
  it("is made, read, changed and removed, and every reader sees it at once", async () => {
    const body = {
      title: "Die Büchse",
      year: 1929,
      genres: ["Drama"],
      actors: ["Louise Brooks"],
      durationMinutes: 133,
    };
    const made = await client.ask("/movies", { method: "POST", body });
    expect(made.statusCode).toBe(201);
    const movie = made.json<Movie>();
    expect(movie).toMatchObject({ ...body, version: 1, director: "", synopsis: "" });
    expect(made.headers["location"]).toBe(`/api/v1/movies/${movie.id}`);
    const read = await client.ask(`/movies/${movie.id}`);
    expect(read.json()).toEqual(movie);
    expect(read.headers["etag"]).toBe(made.headers["etag"]);
    expect((await client.ask("/movies?title=buchse")).json().items).toEqual([movie]);

    const changed = await client.ask(`/movies/${movie.id}`, {
      method: "PUT",
      body: { ...body, title: "Pandora", version: 1 },
    });
    expect(changed.json()).toEqual({ ...movie, title: "Pandora", version: 2 });
    expect((await client.ask(`/movies/${movie.id}`)).json()).toEqual(changed.json());
    expect((await client.ask("/movies?title=buchse")).json().items).toEqual([]);

    const stale = { "if-match": made.headers["etag"] as string }; // It was set above.
    const kept = await client.ask(`/movies/${movie.id}`, { method: "DELETE", headers: stale });
    expect(kept.json()).toMatchObject({ status: 409, code: "CONFLICT" });
    const fresh = { "if-match": changed.headers["etag"] as string };
    const removed = await client.ask(`/movies/${movie.id}`, { method: "DELETE", headers: fresh });
    expect([removed.statusCode, removed.body]).toEqual([204, ""]);
    expect((await client.ask(`/movies/${movie.id}`)).statusCode).toBe(404);
    expect((await client.ask(`/movies/${movie.id}`, { method: "DELETE" })).statusCode).toBe(404);
    expect((await client.ask(`/movies/${movie.id}`, { method: "PUT", body: { ...body, version: 1 } })).statusCode).toBe(
      404,
    );
  });

  it("is made once for an Idempotency-Key, however often it is sent", async () => {
    const headers = { "idempotency-key": "one-lodger" };
    const body = { title: "Once", durationMinutes: 60 };
    const first = await client.ask("/movies", { method: "POST", body, headers });
    const second = await client.ask("/movies", { method: "POST", body, headers });
    expect(second.json()).toEqual(first.json());
    expect((await client.ask("/movies?title=once")).json().items).toHaveLength(1);
  });
});

describe("a change", () => {
  it("names the version that it was made from: of ten at once, one is done", async () => {
    const { id } = await client.movie();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        client.ask(`/movies/${id}`, { method: "PUT", body: { title: `By ${at}`, durationMinutes: 90, version: 1 } }),
      ),
    );
    const codes = statusesOf(answers);
    expect(codes).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    expect(answers.find((answer) => answer.statusCode === 409)?.json()).toMatchObject({ code: "CONFLICT", version: 2 });
    const winner = answers.find((answer) => answer.statusCode === 200)?.json<Movie>();
    expect((await client.ask(`/movies/${id}`)).json()).toEqual(winner);
  });

  it("may name the ETag in place of the version", async () => {
    const { id } = await client.movie();
    const body = { title: "Tagged", durationMinutes: 90 };
    const etag = String((await client.ask(`/movies/${id}`)).headers["etag"]);
    const put = (ifMatch: string) =>
      client.ask(`/movies/${id}`, { method: "PUT", body, headers: { "if-match": ifMatch } });
    expect((await put('"another"')).statusCode).toBe(409);
    const done = await put(etag);
    expect(done.statusCode).toBe(200);
    expect((await put(etag)).statusCode).toBe(409);
    expect((await put(`"x", W/${String(done.headers["etag"])}`)).statusCode).toBe(200);
  });

  it("of a showtime may name the ETag from before its sale began, or its movie was renamed, but not from before another change", async () => {
    const clock = new VirtualClock(Date.now());
    const own = await testCatalog({ clock, demo: false });
    await own.service.start();
    const at = clientOf(await own.server());
    const [movie, cinema] = [await at.movie(), await at.cinema()];
    const hall = await at.hall(cinema.id);
    const salesStartAt = new Date(SOON - HOUR_MS).toISOString();
    const { id } = await at.showtime(movie.id, hall.id, SOON, { salesStartAt });
    const path = `/showtimes/${id}`;
    const read = async () => {
      const { headers, json } = await at.ask(path);
      return { ...json<Showtime>(), etag: String(headers["etag"]) };
    };
    const change = (ifMatch: string) =>
      at.ask(path, {
        method: "PUT",
        body: { ...showtimeBody(movie.id, hall.id, SOON + HOUR_MS), salesStartAt },
        headers: { "if-match": ifMatch },
      });

    const announced = await read();
    await clock.advance(SOON - HOUR_MS - clock.now());
    const onSale = await read();
    await at.ask(`/movies/${movie.id}`, { method: "PUT", body: { title: "Renamed", durationMinutes: 90 } });
    const renamed = await read();
    expect([announced.status, onSale.status, renamed.title]).toEqual(["announced", "on-sale", "Renamed"]);
    expect(new Set([announced.etag, onSale.etag, renamed.etag]).size).toBe(3);

    const done = await change(`"x", W/${announced.etag}`);
    expect([done.statusCode, done.headers["etag"]]).toEqual([200, (await read()).etag]);
    for (const { etag } of [announced, onSale, renamed]) {
      expect((await change(etag)).json()).toMatchObject({ code: "CONFLICT", version: 2 });
      expect((await at.ask(path, { method: "DELETE", headers: { "if-match": etag } })).statusCode).toBe(409);
    }
    await own.close();
  });

  it("that names neither is made from whatever is there", async () => {
    const { id } = await client.movie();
    const put = (title: string) => client.ask(`/movies/${id}`, { method: "PUT", body: { title, durationMinutes: 90 } });
    expect((await put("Blind")).json()).toMatchObject({ title: "Blind", version: 2 });
    expect((await put("Blinder")).json()).toMatchObject({ title: "Blinder", version: 3 });
  });
});

describe("a cinema", () => {
  it("goes with its halls, unless something is on", async () => {
    const [movie, cinema] = [await client.movie(), await client.cinema("Lost")];
    const hall = await client.hall(cinema.id);
    expect((await client.ask(`/cinemas/${cinema.id}`)).json<CinemaWithHalls>().halls).toMatchObject([
      { id: hall.id, name: "Blue room", seatCount: 10, planVersion: 1 },
    ]);
    const showtime = await client.showtime(movie.id, hall.id, SOON);
    for (const path of [`/cinemas/${cinema.id}`, `/halls/${hall.id}`, `/movies/${movie.id}`]) {
      expect((await client.ask(path, { method: "DELETE" })).json(), path).toMatchObject({ code: "CONFLICT" });
    }
    expect((await client.ask(`/showtimes/${showtime.id}`, { method: "DELETE" })).statusCode).toBe(204);
    expect((await client.ask(`/cinemas/${cinema.id}`, { method: "DELETE" })).statusCode).toBe(204);
    expect((await client.ask(`/halls/${hall.id}`)).statusCode).toBe(404);
    expect((await client.ask(`/movies/${movie.id}`, { method: "DELETE" })).statusCode).toBe(204);
  });

  it.each([
    "Mars/Olympus",
    "",
    "Europe/Berlin'; drop table cinema",
    "GMT+25",
    "+01:00",
    "\u202eEurope/Berlin",
    "BST",
    "IST",
    "PST",
    "JST",
    "CET",
  ])("has a time zone that is the same to everybody, not %j", async (timeZone) => {
    const answer = await client.ask("/cinemas", { method: "POST", body: { name: "Nowhere", timeZone } });
    expect(answer.json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.timeZone" });
  });

  it.each(["UTC", "GMT", "Europe/Berlin", "europe/berlin", "Asia/Calcutta", "Etc/GMT+5"])(
    "may be in %s",
    async (timeZone) => {
      const answer = await client.ask("/cinemas", { method: "POST", body: { name: "Somewhere", timeZone } });
      expect([answer.statusCode, answer.json<CinemaWithHalls>().timeZone]).toEqual([201, timeZone]);
    },
  );
});

describe("who may change the catalogue", () => {
  const others: readonly (Role | null)[] = [null, "customer", "guest", "kiosk", "boxoffice", "gate"];
  const calls = ["movies", "cinemas", "halls", "showtimes"].flatMap((kind) => [
    { method: "POST", path: `/${kind}` } as const,
    { method: "PUT", path: `/${kind}/x` } as const,
    { method: "DELETE", path: `/${kind}/x` } as const,
  ]);

  it.each(calls)("$method $path is an admin's", async ({ method, path }) => {
    for (const role of others) {
      const body = method === "DELETE" ? {} : { body: {} };
      const answer = await client.ask(path, { method, role, ...body });
      expect([role, answer.statusCode]).toEqual([role, role === null ? 401 : 403]);
    }
  });
});

const HOSTILE = [
  "'; drop table catalog.movie; --",
  `<script>alert("x")</script><img src=x onerror=alert(1)>`,
  "שלום \u202eevil\u202c مرحبا",
  "👩‍👩‍👧‍👦 🎬 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
  String.raw`\ % _ "quotes" ''`,
  "${jndi:ldap://x} {{7*7}} %s%n",
  "Z̸̢a̷l̴g̶o̵",
];

describe("hostile text", () => {
  it.each(HOSTILE)("%s is text like any other", async (text) => {
    const body = { title: text, genres: [text], actors: [text], director: text, synopsis: text, durationMinutes: 1 };
    const movie = (await client.ask("/movies", { method: "POST", body })).json<Movie>();
    expect(movie).toMatchObject(body);
    for (const field of ["title", "genre", "actor"]) {
      const found = await client.ask(`/movies?${field}=${encodeURIComponent(text)}`);
      expect(found.json<{ items: Movie[] }>().items.map(({ id }) => id)).toContain(movie.id);
    }
    const poster = await client.ask(`/movies/${movie.id}/poster.svg`);
    expect(poster.statusCode).toBe(200);
    expect(poster.body).not.toMatch(/<script|<img/);
    const cinema = (
      await client.ask("/cinemas", { method: "POST", body: { name: text, city: text, address: text } })
    ).json<CinemaWithHalls>();
    expect(cinema).toMatchObject({ name: text, city: text, address: text, timeZone: "UTC" });
    const name = [...text].slice(0, 9).join("");
    const hall = await client.hall(cinema.id, {
      name: text,
      categories: [{ id: "all", name: text }],
      sections: [{ name: text, prefix: name, rows: [{ name, category: "all", parts: [2] }] }],
    });
    expect((await client.ask(`/halls/${hall.id}`)).json()).toEqual(hall);
    const showtime = await client.showtime(movie.id, hall.id, SOON);
    expect(showtime).toMatchObject({ title: text, cinemaName: text, hallName: text });
    const layout = (await client.ask(`/showtimes/${showtime.id}/layout`)).json<{ seats: { label: string }[] }>();
    expect(layout.seats[0]?.label).toBe(`${name}${name}1`);
    await client.ask(`/showtimes/${showtime.id}`, { method: "DELETE" });
  });

  it.each([
    ["of a megabyte", { title: "x".repeat(1_000_000), durationMinutes: 90 }, 413],
    ["that is too long", { title: "x".repeat(201), durationMinutes: 90 }, 400],
    ["that is empty", { title: "", durationMinutes: 90 }, 400],
    ["that is blank", { title: " \u00a0 ", durationMinutes: 90 }, 400],
    ["with a NUL", { title: "a\u0000b", durationMinutes: 90 }, 400],
    ["of half a character", { title: "a\ud800", durationMinutes: 90 }, 400],
    ["with a line break", { title: "a\nb", durationMinutes: 90 }, 400],
    ["that is a number", { title: 7, durationMinutes: 90 }, 400],
  ])("a title %s is refused", async (_name, body, status) => {
    expect((await client.ask("/movies", { method: "POST", body })).statusCode).toBe(status);
  });

  it("grows no index past what it takes: a title that unfolds to eighteen times its length", async () => {
    const title = "\ufdfa".repeat(200);
    const movie = await client.movie(title);
    expect((await client.ask(`/movies/${movie.id}`)).json()).toMatchObject({ title });
  });

  it.each(["/movies", "/cinemas", "/halls", "/showtimes"])("an unknown field of POST %s is refused", async (path) => {
    const bodies = {
      "/movies": { title: "x", durationMinutes: 1 },
      "/cinemas": { name: "x" },
      "/halls": { cinemaId: "x", ...smallHall },
      "/showtimes": showtimeBody("x", "x", SOON),
    } as Record<string, object>;
    const answer = await client.ask(path, { method: "POST", body: { ...bodies[path], surprise: 1 } });
    expect(answer.json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.surprise" });
    for (const body of [[], null, "text", 7]) {
      const wrong = await client.ask(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
      expect(wrong.json()).toMatchObject({ code: "BAD_MESSAGE" });
    }
  });
});
