import { pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom as random } from "../../../platform/random/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { rowsRead, watchedDatabase } from "../../../platform/postgres/testing.ts";
import { BOOKERS } from "../../../proto/services/index.ts";
import { GUESTS_ASKED_MAX, GUESTS_KEPT_MS, GUESTS_PRUNE_EVERY_MS } from "../limits.ts";
import { createIdentityService } from "../service.ts";
import { Passwords } from "../sign-ins/passwords.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { ForgottenGuests } from "./forgotten-guests.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ProblemBody, SignedIn } from "../../../proto/rest/index.ts";
import { bearer, decodePart, PASSWORD, statusesOf, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

const upgrade = (token: string, email = t.client.uniqueEmail(), name = "Ann") =>
  t.client.post("/auth/register", { email, password: PASSWORD, name, language: "de" }, bearer(token));

describe("a guest who registers", () => {
  it("stays the same user, now a customer", async () => {
    const guest = await t.client.guest();
    const email = t.client.uniqueEmail();
    const response = await upgrade(guest.accessToken, email);
    expect(response.statusCode).toBe(201);
    const { user, accessToken, refreshToken } = response.json<SignedIn>();
    expect(user).toEqual({ ...guest.user, role: "customer", email, name: "Ann", language: "de" });
    expect(decodePart(accessToken, 1)).toMatchObject({ sub: guest.user.id, role: "customer" });
    expect((await t.client.login(email, PASSWORD)).user).toEqual(user);
    expect((await t.client.post("/auth/refresh", { refreshToken })).json<SignedIn>().user).toEqual(user);
  });

  it("keeps the guest's token for the same user until it ends, or the account signs out everywhere", async () => {
    const guest = await t.client.guest();
    const { accessToken } = (await upgrade(guest.accessToken)).json<SignedIn>();
    expect((await t.client.me(guest.accessToken)).json()).toMatchObject({ id: guest.user.id, role: "customer" });
    expect(await t.verifier.verify(guest.accessToken)).toMatchObject({ userId: guest.user.id, role: "guest" });
    await t.client.post("/auth/password", { current: PASSWORD, new: "another horse" }, bearer(accessToken));
    expect((await t.client.me(guest.accessToken)).statusCode).toBe(401);
    expect((await t.client.me(accessToken)).statusCode).toBe(200);
  });

  it("does so once, of ten who try at once, and never again", async () => {
    const { accessToken } = await t.client.guest();
    const answers = await Promise.all(Array.from({ length: 10 }, () => upgrade(accessToken)));
    expect(statusesOf(answers)).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
    expect((await upgrade(accessToken)).json()).toMatchObject({ code: "CONFLICT" });
    const { rows } = await t.pool.query(
      "select 1 from identity.password p left join identity.user u on u.id = p.user_id where u.email is null",
    );
    expect(rows).toEqual([]);
  });

  it("is told afterwards that it is done, and not whether an address has an account", async () => {
    const { email } = await t.client.register();
    const { accessToken } = await t.client.guest();
    await upgrade(accessToken);
    const answers = [await upgrade(accessToken, email), await upgrade(accessToken)];
    const told = answers.map((answer) => ({ ...answer.json<ProblemBody>(), requestId: "" }));
    expect(told).toEqual([told[1], expect.objectContaining({ code: "CONFLICT" })]);
  });

  it("does not get somebody else's address, and stays a guest", async () => {
    const { email } = await t.client.register();
    const { accessToken } = await t.client.guest();
    expect((await upgrade(accessToken, email.toUpperCase())).statusCode).toBe(409);
    expect((await t.client.me(accessToken)).json()).toMatchObject({ role: "guest" });
    const other = await t.client.guest();
    const both = t.client.uniqueEmail();
    const answers = await Promise.all([upgrade(accessToken, both), upgrade(other.accessToken, both)]);
    expect(statusesOf(answers)).toEqual([201, 409]);
  });

  it("is told that the account is gone where the database, restored from before it, does not know it", async () => {
    const { user, accessToken } = await t.client.guest();
    await t.pool.query('delete from identity."user" where id = $1', [user.id]);
    const answer = (await upgrade(accessToken)).json();
    expect(answer).toMatchObject({ code: "UNAUTHORIZED", status: 401, detail: "The account is gone." });
  });

  it("is told so too where it is deleted while the password is hashed", async () => {
    const { user, accessToken } = await t.client.guest();
    vi.spyOn(Passwords.prototype, "hash").mockImplementationOnce(async () => {
      await t.pool.query('update identity."user" set deleted_at = now() where id = $1', [user.id]);
      return "never looked at";
    });
    expect((await upgrade(accessToken)).json()).toMatchObject({ status: 401, detail: "The account is gone." });
  });

  it("is told that a customer's token is none of a guest", async () => {
    const customer = await t.client.register();
    expect((await upgrade(customer.accessToken)).json()).toMatchObject({ code: "FORBIDDEN", status: 403 });
  });

  it("is anybody once the guest's token is over, though the client sends it still", async () => {
    expect((await upgrade("nonsense")).statusCode).toBe(201);
    const [signedOut, late] = [await t.client.guest(), await t.client.guest()];
    await t.client.post("/auth/logout", undefined, bearer(signedOut.accessToken));
    t.clock.goForward(t.config.guestTokenTtlMs + 1);
    for (const guest of [signedOut, late]) {
      const response = await upgrade(guest.accessToken);
      expect(response.statusCode).toBe(201);
      expect(response.json<SignedIn>().user.id).not.toBe(guest.user.id);
    }
  });
});

describe("a guest whose tokens have ended", () => {
  it("is forgotten, with all sign-ins, unless there are bookings, or nobody can say", async () => {
    const [idle, buyer, signedIn] = [await t.client.guest(), await t.client.guest(), await t.client.guest()];
    const { accessToken: upgraded } = await t.client.guest();
    const customer = (await upgrade(upgraded)).json<SignedIn>();
    const ids = [idle, buyer, signedIn, customer].map(({ user }) => user.id);
    const left = async () => {
      const { rows } = await t.pool.query<{ id: string }>('select id from identity."user" where id = any ($1)', [ids]);
      return rows.map(({ id }) => id).toSorted();
    };
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const clock = new VirtualClock(t.clock.now() + t.config.guestTokenTtlMs + GUESTS_KEPT_MS + 1);
    await t.pool.query("update identity.family set tokens_until = $2 where user_id = $1", [
      signedIn.user.id,
      new Date(clock.now() + 1),
    ]);
    const guests = new ForgottenGuests({ db, bus: t.bus, clock, config: t.config });
    await expect(guests.prune()).rejects.toThrow();
    expect(await left()).toEqual(ids.toSorted());

    const bookings = t.bus.serve(BOOKERS, ({ userIds }, answer) =>
      answer({ booked: userIds.filter((id) => id === buyer.user.id) }),
    );
    await guests.prune();
    bookings.close();
    expect(await left()).toEqual(ids.filter((id) => id !== idle.user.id).toSorted());
    const signIns = await t.pool.query("select from identity.family where user_id = $1", [idle.user.id]);
    expect(signIns.rowCount).toBe(0);
  });

  it("is forgotten as a husk too, once no token is left that has to be refused, unless there are bookings", async () => {
    const [idle, buyer] = [await t.client.guest(), await t.client.guest()];
    for (const { accessToken } of [idle, buyer]) {
      expect((await t.client.delete("/auth/me", undefined, bearer(accessToken))).statusCode).toBe(204);
    }
    const ids = [idle.user.id, buyer.user.id];
    const bookings = t.bus.serve(BOOKERS, ({ userIds }, answer) =>
      answer({ booked: userIds.filter((id) => id === buyer.user.id) }),
    );
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const leftAt = async (at: number) => {
      const guests = new ForgottenGuests({ db, bus: t.bus, clock: new VirtualClock(at), config: t.config });
      while (await guests.prune());
      const { rows } = await t.pool.query<{ id: string }>('select id from identity."user" where id = any ($1)', [ids]);
      return rows.map(({ id }) => id);
    };
    expect(await leftAt(t.clock.now() + t.config.guestTokenTtlMs)).toHaveLength(2);
    expect(await leftAt(t.clock.now() + t.config.guestTokenTtlMs + GUESTS_KEPT_MS + 1)).toEqual([buyer.user.id]);
    bookings.close();
  });

  it("is forgotten however many there are", async () => {
    const clock = new VirtualClock(t.clock.now());
    const log = pino({ level: "silent" });
    const bus = new InProcessBus({ clock, log });
    bus.serve(BOOKERS, (_question, answer) => answer({ booked: [] }));
    const { pool, stream, config, announceAdmin } = t;
    const identity = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
    await identity.start();
    await pool.query(
      `insert into identity."user" (id, role, created_at)
       select 'usr_idle' || n, 'guest', to_timestamp(0) from generate_series(1, $1::int) as n`,
      [2 * GUESTS_ASKED_MAX + 1],
    );
    await clock.advance(GUESTS_PRUNE_EVERY_MS);
    const left = async () => (await pool.query(`select from identity."user" where id like 'usr\\_idle%'`)).rowCount;
    await expect.poll(left, { timeout: 30_000 }).toBe(0);
    await identity.stop();
    await bus.close();
  });

  it("is forgotten however many there are before who did book", async () => {
    const clock = new VirtualClock(t.clock.now());
    const log = pino({ level: "silent" });
    const bus = new InProcessBus({ clock, log });
    bus.serve(BOOKERS, ({ userIds }, answer) => answer({ booked: userIds.filter((id) => id !== "usr_cold") }));
    const { pool, stream, config, announceAdmin } = t;
    const identity = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
    await identity.start();
    await pool.query(
      `insert into identity."user" (id, role, created_at)
       select 'usr_booker' || n, 'guest', to_timestamp(0) from generate_series(1, $1::int) as n
       union all select 'usr_cold', 'guest', to_timestamp(1)`,
      [GUESTS_ASKED_MAX],
    );
    await clock.advance(GUESTS_PRUNE_EVERY_MS);
    const left = async () => (await pool.query(`select from identity."user" where id = 'usr_cold'`)).rowCount;
    await expect.poll(left).toBe(0);
    await identity.stop();
    await bus.close();
    const bookers = await pool.query(`delete from identity."user" where id like 'usr\\_booker%'`);
    expect(bookers.rowCount).toBe(GUESTS_ASKED_MAX);
  });

  it("who did book is asked after once, by whichever process, and whoever comes behind meanwhile is forgotten", async () => {
    const { clock } = t;
    const asked: string[] = [];
    const bookings = t.bus.serve(BOOKERS, ({ userIds }, answer) => {
      asked.push(...userIds.filter((id) => /^usr_(booker|late)/.test(id)));
      answer({ booked: userIds.filter((id) => id !== "usr_late") });
    });
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const pass = async () => {
      asked.length = 0;
      const guests = new ForgottenGuests({ db, bus: t.bus, clock, config: t.config });
      while (await guests.prune());
      return asked.length;
    };
    const bookers = GUESTS_ASKED_MAX + 1;
    await t.pool.query(
      `insert into identity."user" (id, role, created_at)
       select 'usr_booker' || n, 'guest', to_timestamp(0) from generate_series(1, $1::int) as n`,
      [bookers],
    );
    expect(await pass()).toBe(bookers);
    expect(await pass()).toBe(0);
    await t.pool.query(
      `insert into identity."user" (id, role, created_at) values ('usr_late', 'guest', to_timestamp(1))`,
    );
    expect(await pass()).toBe(1);
    bookings.close();
    await t.pool.query(`delete from identity."user" where id like 'usr\\_booker%'`);
  });

  it("is found without a look at those who have some", async () => {
    const { db, asked } = watchedDatabase<IdentityTables>(t.pool);
    await t.pool.query(
      `with signed_in as (
        insert into identity."user" (id, role, created_at)
        select 'usr_signed_in' || n, 'guest', $1::timestamptz from generate_series(1, 20000) as n returning id)
      insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until)
      select 'fam_' || id, id, $1, $1, $1 from signed_in`,
      [new Date(t.clock.now())],
    );
    await t.pool.query(
      `insert into identity."user" (id, role, created_at) values ('usr_behind', 'guest', to_timestamp(0))`,
    );
    await t.pool.query(`analyze identity."user", identity.family`);
    const bookings = t.bus.serve(BOOKERS, ({ userIds }, answer) => answer({ booked: userIds }));
    await new ForgottenGuests({ ...t, db: db.withSchema(IDENTITY_SCHEMA) }).prune();
    bookings.close();
    expect(asked).toHaveLength(2);
    for (const query of asked) expect(await rowsRead(t.pool, "user", query)).toBeLessThan(10);
    await t.pool.query(`delete from identity."user" where id = 'usr_behind' or id like 'usr\\_signed\\_in%'`);
  });

  it("is forgotten before a stop has ended, where that was under way", async () => {
    const clock = new VirtualClock(t.clock.now());
    const log = pino({ level: "silent" });
    const bus = new InProcessBus({ clock, log });
    const answers: (() => void)[] = [];
    bus.serve(BOOKERS, (_question, answer) => void answers.push(() => answer({ booked: [] })));
    const { pool, stream, config, announceAdmin } = t;
    const identity = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
    await identity.start();
    const idle = createIdentityService({
      pool,
      bus,
      stream,
      clock: new VirtualClock(t.clock.now()),
      config,
      random,
      log,
      announceAdmin,
    });
    await idle.start();
    await pool.query(
      `insert into identity."user" (id, role, created_at) values ('usr_slow', 'guest', to_timestamp(0))`,
    );
    await clock.advance(GUESTS_PRUNE_EVERY_MS);
    await vi.waitFor(() => expect(answers).toHaveLength(1), 10_000);
    let isStopped = false;
    const stopped = identity.stop().then(() => (isStopped = true));
    await idle.stop(); // It has nothing to wait for, and began later.
    expect(isStopped).toBe(false);
    for (const answer of answers) answer();
    await stopped;
    await bus.close();
  });
});
