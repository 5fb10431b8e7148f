/** Events while a process that leads outboxes and consumers has lost NATS and not PostgreSQL, which goes on to hear of it. */
import { afterEach, expect, it } from "vitest";
import { connectNats } from "../../platform/bus/index.ts";
import { startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { JetStreamEventStream, Outbox } from "../../platform/events/index.ts";
import { silent, testEvents } from "../../platform/events/testing.ts";
import { createDatabase, createPool } from "../../platform/postgres/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { FaultProxy } from "./fault-proxy.ts";

const WITHIN = { timeout: 30_000 };

/** Undone after each test, the last first. */
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

/** Two processes with an outbox and a consumer each, of which the first leads both; each has a way of its own to NATS. */
async function twoProcesses() {
  const [t, server] = await Promise.all([testEvents(), startNatsServer()]);
  ends.push(
    () => t.close(),
    () => server.stop(),
  );
  const db = createDatabase<unknown>(t.pool);
  const begin = async (name: string) => {
    const way = await FaultProxy.to("127.0.0.1", Number(new URL(server.url).port));
    const connection = await connectNats(`nats://127.0.0.1:${way.port}`, { name, inboxPrefix: `_INBOX.${name}` });
    const pool = createPool({ connectionString: t.url, max: 4, name, log: silent });
    const common = { pool, clock: systemClock, log: silent };
    const stream = await JetStreamEventStream.open({ ...common, connection, deadLetters: t.deadLetters });
    const outbox = new Outbox({ ...common, stream, schema: "shop", source: "/usher/shop", random: systemRandom });
    const handled: string[] = [];
    stream.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: async ({ subject }) => void handled.push(subject),
    });
    stream.start();
    outbox.start();
    ends.push(async () => {
      way.open();
      await outbox.stop();
      await stream.stop();
      await connection.close();
      await way.close();
      await pool.end();
    });
    return {
      way,
      handled,
      tell: (userId: string) =>
        db.transaction().execute((transaction) => outbox.add(transaction, "user.deleted", userId, { userId })),
    };
  };
  const first = await begin("first");
  await first.tell("u1");
  await expect.poll(() => first.handled, WITHIN).toEqual(["u1"]);
  const second = await begin("second");
  /** Who leads what. */
  const leaders = async (): Promise<string[]> => {
    const { rows } = await t.pool.query<{ name: string }>(
      `select application_name as name from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.map(({ name }) => name);
  };
  expect(await leaders()).toEqual(["first", "first"]);
  return { first, second, leaders };
}

it.each(["cut", "silence"] as const)(
  "go another way when the leader's is lost (%s), and its own again once that is whole and the other's is not",
  { timeout: 150_000 },
  async (how) => {
    const { first, second, leaders } = await twoProcesses();
    first.way[how]();
    await second.tell("u2");
    await expect.poll(() => second.handled, WITHIN).toContain("u2");
    expect(await leaders()).toEqual(["second", "second"]);
    first.way.open();
    second.way[how]();
    await second.tell("u3");
    await expect.poll(() => first.handled, WITHIN).toContain("u3");
  },
);

it("wait where every way is lost, while nobody leads, and go on once one is whole", { timeout: 120_000 }, async () => {
  const { first, second, leaders } = await twoProcesses();
  first.way.cut();
  second.way.cut();
  await first.tell("u2");
  await expect.poll(leaders, WITHIN).toEqual([]);
  second.way.open();
  await expect.poll(() => second.handled, WITHIN).toContain("u2");
});
