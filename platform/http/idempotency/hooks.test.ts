import { hash } from "node:crypto";
import { Type } from "typebox";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ProblemBody } from "../../../proto/rest/index.ts";
import { VirtualClock } from "../../clock/index.ts";
import { systemRandom } from "../../random/index.ts";
import { requireSignedIn } from "../requests/guards.ts";
import {
  HANDLER_LOOK_EVERY_MS,
  HANDLER_TIMEOUT_MS,
  IDEMPOTENCY_KEPT_MS,
  IDEMPOTENCY_LEASE_MS,
  IDEMPOTENCY_PRUNE_EVERY_MS,
  IDEMPOTENCY_PRUNE_ROWS_MAX,
  IDEMPOTENCY_RENEW_EVERY_MS,
} from "../limits.ts";
import { Problem } from "../answers/problem.ts";
import { bodyOptional } from "../requests/json-body.ts";
import { IdempotencyStore } from "./store.ts";
import { as, testServer, type TestServer } from "../testing.ts";

let server: TestServer;
const clock = new VirtualClock();
let runs = 0;
let answer: () => Promise<{ status: number; body: object }> = async () => ({ status: 201, body: { run: runs } });
let keys = 0;
const uniqueKey = () => `key-${(keys += 1)}`;

beforeAll(async () => {
  server = await testServer({ clock });
  const schema = { body: Type.Object({ seats: Type.Array(Type.Integer()) }, { additionalProperties: false }) };
  for (const url of ["/holds", "/others/:id"]) {
    server.app.post(
      url,
      { onRequest: requireSignedIn, config: { idempotent: true }, schema },
      async (_request, reply) => {
        runs += 1;
        const { status, body } = await answer();
        return reply
          .code(status)
          .headers({ location: `${url}/${runs}`, etag: `"${runs}"` })
          .send(body);
      },
    );
  }
  server.app.post("/nothing", { onRequest: requireSignedIn, config: { idempotent: true } }, async (_request, reply) => {
    runs += 1;
    return reply.code(204).send();
  });
  server.app.post(
    "/optional",
    { onRequest: requireSignedIn, preValidation: bodyOptional, config: { idempotent: true } },
    async () => ({ run: (runs += 1) }),
  );
});
afterAll(() => server.close());

interface Ask {
  key?: string;
  user?: string;
  url?: string;
  body?: object;
}

const ask = ({ key, user = "ann", url = "/holds", body = { seats: [1] } }: Ask) =>
  server.app.inject({
    method: "POST",
    url,
    headers: { ...as(user), ...(key === undefined ? {} : { "idempotency-key": key }) },
    payload: body,
  });

/** Nothing comes into the table by it meanwhile. */
async function whileDiskIsFull<T>(statement: "INSERT" | "UPDATE", work: () => Promise<T>): Promise<T> {
  await server.pool.query(`
    CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE ${statement} ON http.idempotency_key FOR EACH ROW EXECUTE FUNCTION full_disk()`);
  try {
    return await work();
  } finally {
    await server.pool.query("DROP TRIGGER full_disk ON http.idempotency_key");
  }
}

/** So much later than a handler may answer its client, all the while renewing the lease of the key. */
async function outlast(key: string, ms: number): Promise<void> {
  const end = clock.now() + HANDLER_TIMEOUT_MS + ms;
  const leaseUntil = async () => {
    const { rows } = await server.pool.query<{ lease_until: Date }>(
      "select lease_until from http.idempotency_key where key = $1",
      [key],
    );
    return rows[0]?.lease_until.getTime();
  };
  while (clock.now() < end) {
    await clock.advance(IDEMPOTENCY_RENEW_EVERY_MS);
    await expect.poll(leaseUntil).toBeGreaterThan(clock.now() + IDEMPOTENCY_LEASE_MS / 2);
  }
}

describe("an Idempotency-Key", () => {
  it("is UNAVAILABLE while the disk of the database is full, and good again once it is not", async () => {
    const key = uniqueKey();
    const refused = await whileDiskIsFull("INSERT", () => ask({ key }));
    expect([refused.statusCode, refused.json()]).toMatchObject([503, { code: "UNAVAILABLE", retryInMs: 1_000 }]);
    expect((await ask({ key })).statusCode).toBe(201);
  });

  it("gets the first answer again, to the letter, and says that it is a replay", async () => {
    const key = uniqueKey();
    const first = await ask({ key });
    const before = runs;
    for (let time = 0; time < 10; time++) {
      const again = await ask({ key });
      expect([again.statusCode, again.body]).toEqual([201, first.body]);
      for (const name of ["content-type", "location", "etag"]) expect(again.headers[name]).toBe(first.headers[name]);
      expect(again.headers["idempotency-replayed"]).toBe("true");
    }
    expect(first.headers["idempotency-replayed"]).toBeUndefined();
    expect(runs).toBe(before);
  });

  it("gets a refusal again too, and an answer without a body", async () => {
    const key = uniqueKey();
    answer = async () => Promise.reject(new Problem("SEAT_TAKEN", "Seat 1 is taken.", { seats: [1] }));
    const first = await ask({ key });
    answer = async () => ({ status: 201, body: {} });
    const again = await ask({ key });
    expect([again.statusCode, again.body]).toEqual([409, first.body]);
    expect(again.headers["content-type"]).toContain("application/problem+json");
    expect(again.headers["x-request-id"]).toBe(again.json<ProblemBody>().requestId);

    const empty = uniqueKey();
    expect((await ask({ key: empty, url: "/nothing" })).statusCode).toBe(204);
    const before = runs;
    const replayed = await ask({ key: empty, url: "/nothing" });
    expect([replayed.statusCode, replayed.body, runs]).toEqual([204, "", before]);
  });

  it("with another body, route or address is refused; another user's is another key", async () => {
    const key = uniqueKey();
    await ask({ key });
    for (const other of [{ body: { seats: [2] } }, { url: "/others/1" }, { url: "/nothing" }]) {
      const response = await ask({ key, ...other });
      expect([response.statusCode, response.json<ProblemBody>().code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    }
    const guest = await ask({ key, user: "guest-1", body: { seats: [2] } });
    expect(guest.statusCode).toBe(201);
    expect(guest.headers["idempotency-replayed"]).toBeUndefined();
  });

  it("lets one of fifty run at once; the others hear so or get its answer", async () => {
    const key = uniqueKey();
    const before = runs;
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask({ key })));
    expect(runs).toBe(before + 1);
    const codes = new Set(
      answers.map(
        ({ statusCode, headers }) => `${statusCode} ${headers["idempotency-replayed"] === "true" ? "again" : "first"}`,
      ),
    );
    for (const code of codes) expect(["201 first", "201 again", "409 first"]).toContain(code);
    expect(answers.filter((one) => one.statusCode === 201 && !one.headers["idempotency-replayed"])).toHaveLength(1);
    for (const busy of answers.filter(({ statusCode }) => statusCode === 409))
      expect(busy.json<ProblemBody>().code).toBe("IN_PROGRESS");
  });

  it.each([500, 503, 429])("runs again after an answer of %i", async (status) => {
    const key = uniqueKey();
    answer = async () => ({ status, body: {} });
    expect((await ask({ key })).statusCode).toBe(status);
    answer = async () => ({ status: 201, body: {} });
    const other = await ask({ key, body: { seats: [2] } });
    expect([other.statusCode, other.json<ProblemBody>().code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect((await ask({ key })).statusCode).toBe(201);
  });

  it.each([
    ["UNAVAILABLE", { status: 201, body: { from: "the hall" } }],
    ["UNAVAILABLE", new Problem("SEAT_TAKEN", "Seat 3 is taken.")],
    ["BUSY", new Problem("BUSY", "Full.")],
  ] as const)("that cannot be kept is answered with %s, so that the client asks again", async (code, made) => {
    answer = () => (made instanceof Problem ? Promise.reject(made) : Promise.resolve(made));
    const response = await whileDiskIsFull("UPDATE", () => ask({ key: uniqueKey() }));
    expect(response.statusCode).toBe(503);
    expect(response.headers["content-type"]).toContain("application/problem+json");
    expect(response.headers["location"]).toBeUndefined();
    expect(response.json()).toMatchObject({ code, status: 503, requestId: response.headers["x-request-id"] });
  });

  it("of a process that died can be taken over at once, and of one whose connection broke it cannot", async () => {
    const key = uniqueKey();
    const dead = new IdempotencyStore({ pool: server.pool, clock, random: systemRandom });
    answer = async () => ({ status: 201, body: { from: "the second" } });
    const url = "/nothing";
    const fingerprint = hash("sha256", `POST ${url}\nnull`, "buffer");
    const request = { userId: "ann", key, fingerprints: [fingerprint] } as const;
    const claim = await dead.claim(request);
    const retry = () => server.app.inject({ method: "POST", url, headers: { ...as("ann"), "idempotency-key": key } });
    expect((await retry()).json<ProblemBody>().code).toBe("IN_PROGRESS");
    const processes = async () => {
      const { rows } = await server.pool.query<{ pid: number }>(
        `select pid from pg_locks where locktype = 'advisory'
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.map(({ pid }) => pid);
    };
    const before = await processes();
    await server.pool.query("select pg_terminate_backend(pid) from unnest($1::int[]) pid", [before]);
    const known = async () => {
      await dead.renew().catch(() => {});
      return (await processes()).filter((pid) => !before.includes(pid)).length;
    };
    await expect.poll(known).toBeGreaterThan(0);
    expect((await retry()).json<ProblemBody>().code).toBe("IN_PROGRESS");
    await dead.close();
    await expect.poll(async () => (await retry()).statusCode).toBe(204);
    // Its answer comes too late.
    if (claim.type !== "run") throw new Error(claim.type);
    await dead.store(request, claim.run, { status: 201, contentType: null, headers: {}, body: "late" });
    expect((await retry()).statusCode).toBe(204);
  });

  it.each([
    ["null", "without one", undefined],
    ["{}", "without one", undefined],
    ['{"holdId":"h","amount":2}', "with its fields in that order", { holdId: "h", amount: 2 }],
  ])("that an earlier version has kept with the body %s gets its answer %s", async (body, _, payload) => {
    const store = new IdempotencyStore({ pool: server.pool, clock, random: systemRandom });
    const url = "/optional";
    const key = uniqueKey();
    const fingerprint = hash("sha256", `POST ${url}\n${body}`, "buffer");
    const request = { userId: "ann", key, fingerprints: [fingerprint] } as const;
    const claim = await store.claim(request);
    if (claim.type !== "run") throw new Error(claim.type);
    const kept = { status: 200, contentType: "application/json", headers: {}, body: '{"run":"before"}' };
    await store.store(request, claim.run, kept);
    await store.close();
    const headers = { ...as("ann"), "idempotency-key": key };
    const repeated = await server.app.inject({ method: "POST", url, headers, ...(payload && { payload }) });
    expect([repeated.statusCode, repeated.json()]).toEqual([200, { run: "before" }]);
  });

  it("of a run that takes long stays its own, also when its client was given up, and gets its answer then", async () => {
    const key = uniqueKey();
    let finish = () => {};
    const reached = new Promise<void>((arrived) => {
      answer = async () => {
        arrived();
        await new Promise<void>((resolve) => (finish = resolve));
        return { status: 201, body: { from: "the first" } };
      };
    });
    const first = ask({ key });
    void first.then((response) => response); // Injected requests start when somebody waits for them.
    await reached;
    const before = runs;
    await outlast(key, 2 * IDEMPOTENCY_LEASE_MS);
    const givenUp = await first;
    expect([givenUp.statusCode, givenUp.json<ProblemBody>().code]).toEqual([503, "UNAVAILABLE"]);
    const running = await ask({ key });
    expect(running.json()).toMatchObject({ code: "IN_PROGRESS", retryInMs: 1_000 });
    expect(running.headers["retry-after"]).toBe("1");
    finish();
    await expect.poll(async () => (await ask({ key })).statusCode).toBe(201);
    const again = await ask({ key });
    expect([again.json(), again.headers["idempotency-replayed"]]).toEqual([{ from: "the first" }, "true"]);
    expect(again.headers["location"]).toBe(`/holds/${before}`);
    expect(again.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(runs).toBe(before);
  });

  it("is free again when a run whose client was given up comes to nothing", async () => {
    const key = uniqueKey();
    let fail = () => {};
    const reached = new Promise<void>((arrived) => {
      answer = async () => {
        arrived();
        return new Promise<never>((_resolve, reject) => (fail = () => reject(new Problem("BUSY", "Full."))));
      };
    });
    const first = ask({ key });
    void first.then((response) => response);
    await reached;
    await outlast(key, HANDLER_LOOK_EVERY_MS);
    expect((await first).json<ProblemBody>().code).toBe("UNAVAILABLE");
    answer = async () => ({ status: 201, body: {} });
    expect((await ask({ key })).json<ProblemBody>().code).toBe("IN_PROGRESS");
    fail();
    await expect.poll(async () => (await ask({ key })).statusCode).toBe(201);
  });

  it("has its answer stored though that takes longer than its client is waited for", async () => {
    const key = uniqueKey();
    answer = async () => ({ status: 201, body: { from: "the first" } });
    let goOn = () => {};
    const store = server.store.store.bind(server.store);
    const reached = new Promise<void>((arrived) => {
      vi.spyOn(server.store, "store").mockImplementationOnce(async (...args) => {
        arrived();
        await new Promise<void>((resolve) => (goOn = resolve));
        return store(...args);
      });
    });
    const first = ask({ key });
    void first.then((response) => response);
    await reached;
    await outlast(key, HANDLER_LOOK_EVERY_MS);
    expect((await first).json<ProblemBody>().code).toBe("UNAVAILABLE");
    expect((await ask({ key })).json<ProblemBody>().code).toBe("IN_PROGRESS");
    goOn();
    await expect.poll(async () => (await ask({ key })).json()).toEqual({ from: "the first" });
  });

  it.each(["", "a".repeat(256), "with blank", "\u00e9"])("that is %j is refused", async (key) => {
    const response = await ask({ key });
    expect([response.statusCode, response.json<ProblemBody>().field]).toEqual([400, "header.idempotency-key"]);
  });

  it("is forgotten after a day", async () => {
    const key = uniqueKey();
    const before = runs;
    await ask({ key });
    await clock.advance(IDEMPOTENCY_KEPT_MS + 1);
    await server.store.prune();
    await ask({ key });
    expect(runs).toBe(before + 2);
  });

  it("is forgotten by itself, however many there are", async () => {
    const old = new Date(clock.now());
    await server.pool.query(
      `insert into http.idempotency_key (user_id, key, fingerprint, run, process, lease_until, created_at)
       select 'many', n::text, '', '', '', $1, $1 from generate_series(1, $2::int) as n`,
      [old, IDEMPOTENCY_PRUNE_ROWS_MAX + 1],
    );
    await clock.advance(IDEMPOTENCY_KEPT_MS);
    const left = async () =>
      (await server.pool.query("select from http.idempotency_key where user_id = 'many'")).rowCount;
    // Once it has begun, the clock stands still: nobody comes a second time.
    const forgotten = async () => {
      if ((await left()) === IDEMPOTENCY_PRUNE_ROWS_MAX + 1) await clock.advance(IDEMPOTENCY_PRUNE_EVERY_MS);
      return await left();
    };
    await expect.poll(forgotten, { timeout: 10_000 }).toBe(0);
  });

  it("is not asked for: without one, each request runs", async () => {
    const before = runs;
    await ask({});
    await ask({});
    expect(runs).toBe(before + 2);
  });
});

it("a route cannot be idempotent for strangers", async () => {
  const own = await testServer();
  expect(() => own.app.post("/open", { config: { idempotent: true } }, async () => ({}))).toThrow("guard");
  await own.close();
});
