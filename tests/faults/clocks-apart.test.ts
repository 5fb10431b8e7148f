import pg from "pg";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { UsherClient } from "../../client/index.ts";
import { smallHall } from "../../engine/testing/small-hall.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { until } from "../../platform/testing/until.ts";
import { holderId, type RequestId, showtimeId } from "../../proto/index.ts";
import { Rest } from "../support/rest.ts";
import type { Settings } from "../support/usher-process.ts";
import { asker, ends, engine, prepareRoles, role, SLOW } from "./roles.ts";

const FIVE_MINUTES_MS = 300_000;
/** What a hold may gain or lose on the way from one engine to the other: the time that the takeover takes on a busy machine. */
const TAKEOVER_MS = 60_000;
/** For bookings that go on, and for those that are being undone. */
const STATEMENTS_A_LOOK = 2;

prepareRoles();

describe("engines whose clocks are five minutes apart", { timeout: SLOW }, () => {
  it.each([
    ["ahead of", FIVE_MINUTES_MS, 0],
    ["behind", 0, FIVE_MINUTES_MS],
  ])("keep a hold's time when the one that goes was %s the one that stays", async (_, goesBy, staysBy) => {
    const own = await testDatabase();
    ends.push(() => own.drop());
    const settings = (ms: number): Settings => ({ DATABASE_URL: own.url, ...withClock(ms) });
    const first = await engine(settings(goesBy));
    const ask = await asker();
    const showtime = showtimeId("st_clock");
    const holder = holderId("ann");
    const rid = (text: string): RequestId => text as RequestId; // Short enough.
    const rules = {
      salesStartAt: 0,
      salesEndAt: 2 ** 45,
      orphan: "none",
      accessibleRelease: { when: "always" },
    } as const;
    await ask({ type: "open", showtime, holder, rid: rid("open"), plan: smallHall(96), rules });
    const held = await ask({ type: "hold", showtime, holder, rid: rid("hold"), seats: [1, 2] });
    if (held.type !== "held") throw new Error(JSON.stringify(held));
    await engine(settings(staysBy));
    await first.stop();
    const found = await ask({ type: "get-hold", showtime, holder, hold: held.hold });
    if (found.type !== "hold") throw new Error(JSON.stringify(found));
    expect(found.seats).toEqual([1, 2]);
    expect(Math.abs(found.expiresInMs - held.expiresInMs)).toBeLessThan(TAKEOVER_MS);
    const again = await ask({ type: "hold", showtime, holder, rid: rid("hold"), seats: [1, 2] });
    expect(again).toMatchObject({ type: "held", hold: held.hold });
    const more = await ask({ type: "hold", showtime, holder: holderId("bob"), rid: rid("other"), seats: [2] });
    expect(more).toMatchObject({ type: "refused", code: "SEAT_TAKEN" });
  });
});

describe("services and an edge whose clocks are five minutes apart", { timeout: SLOW }, () => {
  it("take each other's tokens for as good as their own, and let nobody's time to pay run out", async () => {
    const own = await testDatabase();
    ends.push(() => own.drop());
    const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: "0", PAYMENT_TTL_SECONDS: "240" };
    let url = "";
    const rests: Rest[] = [];
    await engine(more);
    const clocks = { ahead: FIVE_MINUTES_MS, right: 0, behind: -FIVE_MINUTES_MS };
    for (const [name, ms] of Object.entries(clocks)) {
      const named = new URL(own.url);
      named.searchParams.set("application_name", name);
      await role("services", { ...more, DATABASE_URL: named.href, ...withClock(ms) }, (line) => {
        const [, port] = /API +http:\/\/[^/]*:(\d+)\//.exec(line) ?? [];
        if (port !== undefined) rests.push(new Rest(Number(port)));
      });
    }
    await role("edge", { ...more, ...withClock(-FIVE_MINUTES_MS) }, (line) => {
      url ||= /WebSocket +(ws:\S+)/.exec(line)?.[1] ?? "";
    });
    const bookings: { id: string; token: string }[] = [];
    for (const [at, rest] of rests.entries()) {
      const { token } = await rest.guest();
      const client = new UsherClient({ url, WebSocket, token });
      ends.push(() => client.close());
      await client.connect();
      const { items } = (await rest.get<{ items: { id: string }[] }>("showtimes")).body;
      const [showtime] = items;
      if (showtime === undefined) throw new Error("no showtime");
      const { holdId } = await client.holdBest(showtime.id, { count: 2 });
      const { status, body } = await rests[(at + 1) % rests.length]!.post<{ id: string }>("bookings", {
        token,
        body: { holdId },
      });
      expect({ status, body }).toMatchObject({ status: 201 });
      bookings.push({ id: body.id, token });
    }
    await allHaveLooked(own.url, Object.keys(clocks));
    for (const { id, token } of bookings) {
      for (const rest of rests)
        expect(await rest.get(`bookings/${id}`, { token })).toMatchObject({ status: 200, body: { status: "pending" } });
    }
  });
});

/** Each twice, from now on, for bookings whose next step is due: PostgreSQL tells what it was last asked on each connection, and when. */
async function allHaveLooked(url: string, services: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  ends.push(() => client.end());
  const since = (await client.query<{ now: string }>("SELECT now()::text AS now")).rows[0]?.now;
  const looks = new Map(services.map((name) => [name, new Set<string>()]));
  await until(async () => {
    const { rows } = await client.query<{ name: string; at: string }>(
      `SELECT application_name AS name, query_start::text AS at FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'update "bookings"."booking"%skip locked%' AND query_start > $1`,
      [since],
    );
    for (const { name, at } of rows) looks.get(name)?.add(at);
    return [...looks.values()].every(({ size }) => size >= 2 * STATEMENTS_A_LOOK);
  }, "each of the services has looked twice for what is due");
}

/** A machine whose clock is wrong. */
const withClock = (ms: number): Settings => ({
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`const now=Date.now;Date.now=()=>now()+${ms}`)}`,
});
