/** The lines of the contract about REST. */
import { beforeAll, describe, expect, it } from "vitest";
import { ADMIN, boxOffice } from "../support/box-office.ts";
import { PASSWORD, problem } from "../support/purchases.ts";
import type { HoldView } from "../support/rest.ts";

const office = boxOffice();

interface SignedIn {
  readonly user: { readonly id: string; readonly role: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}

const register = async (email: string): Promise<SignedIn> => {
  const { status, body } = await office.rest.post<SignedIn>("auth/register", {
    body: { email, password: PASSWORD, name: "Ann" },
  });
  expect(status).toBe(201);
  return body;
};

describe("accounts", () => {
  it("register, login, refresh once, logout", async () => {
    const first = await register("ann@example.com");
    expect(first.user).toMatchObject({
      id: expect.any(String),
      email: "ann@example.com",
      name: "Ann",
      role: "customer",
    });
    expect(
      await office.rest.post("auth/register", { body: { email: "ANN@example.com ", password: PASSWORD } }),
    ).toMatchObject(problem(409, "CONFLICT"));
    const login = await office.rest.post<SignedIn>("auth/login", {
      body: { email: "ann@example.com", password: PASSWORD },
    });
    expect(login).toMatchObject({ status: 200, body: { user: { id: first.user.id } } });
    const refreshed = await office.rest.post<SignedIn>("auth/refresh", {
      body: { refreshToken: login.body.refreshToken },
    });
    expect(refreshed).toMatchObject({ status: 200, body: { user: { id: first.user.id } } });
    expect(refreshed.body.refreshToken).not.toBe(login.body.refreshToken);
    const out = await office.rest.post("auth/logout", { body: { refreshToken: refreshed.body.refreshToken } });
    expect([out.status, out.body]).toEqual([204, undefined]);
    expect(
      await office.rest.post("auth/refresh", { body: { refreshToken: refreshed.body.refreshToken } }),
    ).toMatchObject(problem(401, "UNAUTHORIZED"));
    expect(await office.rest.get("auth/me", { token: refreshed.body.accessToken })).toMatchObject(
      problem(401, "UNAUTHORIZED"),
    );
    // The sign-in of the registration is another one, and goes on.
    expect(await office.rest.get("auth/me", { token: first.accessToken })).toMatchObject({
      status: 200,
      body: { id: first.user.id },
    });
  });

  it("a wrong password and an unknown address get the same answer", async () => {
    await register("ben@example.com");
    const wrong = await office.rest.post("auth/login", { body: { email: "ben@example.com", password: "not the one" } });
    const unknown = await office.rest.post("auth/login", {
      body: { email: "nobody@example.com", password: "not the one" },
    });
    expect(wrong).toMatchObject(problem(401, "UNAUTHORIZED"));
    expect(unknown.body).toEqual({ ...wrong.body, requestId: unknown.body["requestId"] });
  });

  it("a guest may hold", async () => {
    const { status, body } = await office.rest.post<SignedIn>("auth/guest");
    expect(status).toBe(201);
    expect(body.user.role).toBe("guest");
    expect(await office.rest.get("auth/me", { token: body.accessToken })).toMatchObject({
      status: 200,
      body: { id: body.user.id },
    });
    const path = `showtimes/${office.anotherShowtime()}/holds`;
    const hold = await office.rest.post(path, { token: body.accessToken, body: { seats: [0] } });
    expect(hold).toMatchObject({ status: 201, body: { seats: [0] } });
  });

  it("a user is shown to itself and to the admin, and to nobody else", async () => {
    const [carl, dora] = [await register("carl@example.com"), await register("dora@example.com")];
    const admin = await office.rest.post<SignedIn>("auth/login", { body: ADMIN });
    const path = `users/${carl.user.id}`;
    expect(await office.rest.get(path, { token: carl.accessToken })).toMatchObject({
      status: 200,
      body: { id: carl.user.id },
    });
    expect(await office.rest.get(path, { token: admin.body.accessToken })).toMatchObject({
      status: 200,
      body: { id: carl.user.id },
    });
    expect((await office.rest.get(path, { token: dora.accessToken })).status).toBeOneOf([403, 404]);
    expect(await office.rest.get(path)).toMatchObject(problem(401, "UNAUTHORIZED"));
  });

  it("the admin makes a kiosk, which signs in with its secret", async () => {
    const admin = await office.rest.post<SignedIn>("auth/login", { body: ADMIN });
    const guest = await office.guest();
    expect(await office.rest.post("devices", { body: {} })).toMatchObject(problem(401, "UNAUTHORIZED"));
    expect(await office.rest.post("devices", { token: guest.token, body: {} })).toMatchObject(
      problem(403, "FORBIDDEN"),
    );
    const device = await office.rest.post("devices", { token: admin.body.accessToken, body: {} });
    expect(device).toMatchObject({ status: 201, body: { deviceId: expect.any(String), secret: expect.any(String) } });
    const signedIn = await office.rest.post<SignedIn>("auth/device", { body: device.body });
    expect(signedIn.status).toBe(200);
    const kiosk = await office.connect();
    expect((await kiosk.signIn(signedIn.body.accessToken)).role).toBe("kiosk");
    expect(await office.rest.post("auth/device", { body: { ...device.body, secret: "guessed" } })).toMatchObject(
      problem(401, "UNAUTHORIZED"),
    );
  });

  it("a refresh token that is used twice ends its whole family", async () => {
    const first = await register("eve@example.com");
    const second = await office.rest.post<SignedIn>("auth/refresh", { body: { refreshToken: first.refreshToken } });
    const client = await office.connect();
    await client.signIn(second.body.accessToken);
    // A client that lost the answer may ask once more; a thief comes after the rightful owner has gone on.
    const third = await office.rest.post<SignedIn>("auth/refresh", {
      body: { refreshToken: second.body.refreshToken },
    });
    expect(third.status).toBe(200);
    expect(await office.rest.post("auth/refresh", { body: { refreshToken: first.refreshToken } })).toMatchObject(
      problem(401, "UNAUTHORIZED"),
    );
    expect(await office.rest.post("auth/refresh", { body: { refreshToken: third.body.refreshToken } })).toMatchObject(
      problem(401, "UNAUTHORIZED"),
    );
    expect((await client.closed).code).toBeGreaterThanOrEqual(4_500);
  });

  it("the public keys are published", async () => {
    const { status, body } = await office.rest.get<{ keys: object[] }>("/.well-known/jwks.json");
    expect(status).toBe(200);
    expect(body.keys[0]).toMatchObject({ kty: "OKP", crv: "Ed25519", kid: expect.any(String), x: expect.any(String) });
    expect(body.keys[0]).not.toHaveProperty("d");
  });
});

describe("the catalogue", () => {
  it.each(["movies", "cinemas", "showtimes"])("%s come in pages", async (list) => {
    interface Page {
      readonly items: readonly { readonly id: string }[];
      readonly nextCursor: string | null;
    }
    const whole = (await office.rest.get<Page>(`${list}?limit=100`)).body;
    expect(whole.items.length).toBeGreaterThan(1);
    const [first] = (await office.rest.get<Page>(`${list}?limit=1`)).body.items;
    expect(first).toEqual(whole.items[0]);
    const ids: string[] = [];
    for (let cursor: string | null = ""; cursor !== null && ids.length < 12;) {
      const page: Page = (
        await office.rest.get<Page>(`${list}?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      ).body;
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(ids).toEqual(whole.items.slice(0, ids.length).map(({ id }) => id));
    expect(await office.rest.get(`${list}?limit=0`)).toMatchObject(problem(400, "BAD_MESSAGE"));
    expect(await office.rest.get(`${list}?cursor=nonsense`)).toMatchObject(problem(400, "BAD_MESSAGE"));
  });

  it("leads from a movie to its showtimes, their hall and its seats", async () => {
    const movies = await office.rest.get<{
      items: { id: string; title: string; genres: string[]; actors: string[] }[];
    }>("movies?limit=100");
    expect(movies.body.items).toHaveLength(12);
    const [movie] = movies.body.items;
    if (movie === undefined) throw new Error("there is no movie");
    expect(await office.rest.get(`movies/${movie.id}`)).toMatchObject({ status: 200, body: movie });
    for (const query of [`title=${movie.title}`, `genre=${movie.genres[0]}`, `actor=${movie.actors[0]}`]) {
      const found = await office.rest.get<{ items: { id: string }[] }>(`movies?limit=100&${encodeURI(query)}`);
      expect(found.body.items.map(({ id }) => id)).toContain(movie.id);
    }
    const showtimes = await office.rest.get<{ items: { id: string; movieId: string; cinemaId: string }[] }>(
      `movies/${movie.id}/showtimes`,
    );
    const [showtime] = showtimes.body.items;
    expect(showtime?.movieId).toBe(movie.id);
    expect(await office.rest.get(`cinemas/${showtime?.cinemaId}`)).toMatchObject({
      status: 200,
      body: { id: showtime?.cinemaId },
    });
    const one = await office.rest.get<{ hallId: string }>(`showtimes/${showtime?.id}`);
    expect(one).toMatchObject({ status: 200, body: { id: showtime?.id } });
    expect(await office.rest.get(`halls/${one.body.hallId}`)).toMatchObject({
      status: 200,
      body: { id: one.body.hallId },
    });
    const layout = await office.rest.get<{ seats: unknown[] }>(`showtimes/${showtime?.id}/layout`);
    const seats = await office.rest.get<{ statuses: string }>(`showtimes/${showtime?.id}/seats`);
    expect([layout.status, seats.status]).toEqual([200, 200]);
    expect(layout.body.seats.length).toBeGreaterThan(0);
    expect(seats.body).toMatchObject({ seq: expect.any(Number) });
  });

  it("a layout is numbered in order, priced, and cached by its ETag", async () => {
    const showtime = office.anotherShowtime();
    const { status, headers, body } = await office.rest.get<Awaited<ReturnType<typeof office.rest.layout>>>(
      `showtimes/${showtime}/layout`,
    );
    expect(status).toBe(200);
    expect(body.showtimeId).toBe(showtime);
    expect(body.seats.map(({ index }) => index)).toEqual(body.seats.map((_, index) => index));
    expect(new Set(body.seats.map(({ label }) => label)).size).toBe(body.seats.length);
    expect(Object.keys(body.seats[0] ?? {}).sort()).toEqual([
      "accessible",
      "category",
      "companion",
      "index",
      "label",
      "number",
      "row",
      "section",
      "x",
      "y",
    ]);
    for (const { price } of body.categories) expect(price).toEqual({ amount: expect.any(Number), currency: "EUR" });
    const etag = headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    expect((await office.rest.get(`showtimes/${showtime}/layout`, { headers: { "if-none-match": etag } })).status).toBe(
      304,
    );
    expect(await office.rest.seats(showtime)).toEqual({
      showtimeId: showtime,
      epoch: expect.any(Number),
      seq: expect.any(Number),
      statuses: "0".repeat(body.seats.length),
    });
  });

  it.each([
    "movies/x",
    "cinemas/x",
    "showtimes/x",
    "showtimes/x/layout",
    "showtimes/x/seats",
    "movies/x/showtimes",
    "nothing",
  ])("%s is not found", async (path) => {
    expect(await office.rest.get(path)).toMatchObject(problem(404, "NOT_FOUND"));
  });
});

describe("holds", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await office.guest());
  });

  it("are made, read, extended and given back", async () => {
    const showtime = office.anotherShowtime();
    const made = await office.rest.post<HoldView>(`showtimes/${showtime}/holds`, { token, body: { seats: [3, 4] } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ showtimeId: showtime, seats: [3, 4] });
    expect(made.body.expiresInMs).toBeLessThanOrEqual(300_000);
    expect(made.body.expiresAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    const path = `holds/${made.body.holdId}`;
    expect(await office.rest.get(path, { token })).toMatchObject({
      status: 200,
      body: { holdId: made.body.holdId, seats: [3, 4] },
    });
    expect(await office.rest.post(`${path}/extend`, { token })).toMatchObject({
      status: 200,
      body: { holdId: made.body.holdId },
    });
    expect((await office.rest.seats(showtime)).statuses.slice(0, 6)).toBe("000110");
    const gone = await office.rest.call("DELETE", path, { token });
    expect([gone.status, gone.body]).toEqual([204, undefined]);
    expect(await office.rest.get(path, { token })).toMatchObject(problem(404, "HOLD_NOT_FOUND"));
    expect((await office.rest.seats(showtime)).statuses).not.toContain("1");
  });

  it("name the seats that are taken", async () => {
    const showtime = office.anotherShowtime();
    await office.rest.post(`showtimes/${showtime}/holds`, {
      token: (await office.guest()).token,
      body: { seats: [3, 4] },
    });
    const lost = await office.rest.post(`showtimes/${showtime}/holds`, { token, body: { seats: [2, 3, 4] } });
    expect(lost).toMatchObject(problem(409, "SEAT_TAKEN"));
    expect(lost.body["seats"]).toEqual([3, 4]);
    expect(lost.headers.get("content-type")).toContain("application/problem+json");
  });

  it("of the best seats, or not enough of them", async () => {
    const showtime = office.anotherShowtime("ha_studio");
    const best = await office.rest.post<HoldView>(`showtimes/${showtime}/holds`, {
      token,
      body: { best: { count: 2 } },
    });
    expect(best.status).toBe(201);
    expect(best.body.seats).toHaveLength(2);
    const many = await office.rest.post(`showtimes/${showtime}/holds`, { token, body: { best: { count: 2_000 } } });
    expect(many.status).toBe(409);
    expect(many.body["code"]).toBeOneOf(["NOT_ENOUGH_SEATS", "LIMIT_REACHED"]);
  });

  it("are seen by WebSocket viewers, and a hold over WebSocket is read over REST", async () => {
    const showtime = office.anotherShowtime();
    const viewer = await office.connect("msgpack");
    viewer.say({ op: "watch", showtime });
    await viewer.next("snapshot");
    await office.rest.post(`showtimes/${showtime}/holds`, { token, body: { seats: [1] } });
    await viewer.until(() => viewer.shown(showtime).startsWith("01"));
  });

  it("with an Idempotency-Key are made once", async () => {
    const showtime = office.anotherShowtime();
    const headers = { "idempotency-key": "k-1" };
    const ask = (seats: number[]) =>
      office.rest.post<HoldView>(`showtimes/${showtime}/holds`, { token, body: { seats }, headers });
    const answers = await Promise.all([ask([5]), ask([5]), ask([5])]);
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body]).toMatchObject([409, { code: "IN_PROGRESS" }]);
    const again = await ask([5]);
    expect(again.status).toBe(201);
    expect(new Set([...made, again].map(({ body }) => body.holdId)).size).toBe(1);
    expect(await ask([6])).toMatchObject(problem(422, "IDEMPOTENCY_KEY_REUSED"));
    const other = await office.rest.post<HoldView>(`showtimes/${showtime}/holds`, {
      token: (await office.guest()).token,
      body: { seats: [7] },
      headers,
    });
    expect(other.status).toBe(201);
    expect((await office.rest.seats(showtime)).statuses.slice(5, 8)).toBe("101");
  });
});

describe("the rest of it", () => {
  it("is alive, ready, measured and described", async () => {
    expect((await office.rest.get("/health/live")).status).toBe(200);
    expect((await office.rest.get("/health/ready")).status).toBe(200);
    const metrics = await office.rest.get<string>("/metrics");
    expect(metrics.status).toBe(200);
    expect(metrics.body).toMatch(/^# TYPE /m);
    const { body } = await office.rest.get<{ openapi: string; paths: Record<string, object> }>("/openapi.json");
    expect(body.openapi).toMatch(/^3\.1/);
    for (const path of ["/api/v1/auth/register", "/api/v1/showtimes/{id}/holds", "/api/v1/holds/{id}/extend"]) {
      expect(Object.keys(body.paths)).toContain(path);
    }
    const docs = await office.rest.get<string>("/docs");
    expect(docs.status).toBe(200);
    expect(docs.headers.get("content-type")).toContain("text/html");
  });
});
