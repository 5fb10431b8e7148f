import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DomainEvent } from "../../../proto/index.ts";
import { InProcessBus } from "../../bus/index.ts";
import { systemClock, VirtualClock } from "../../clock/index.ts";
import { createPool } from "../../postgres/index.ts";
import { systemRandom } from "../../random/index.ts";
import { Inbox } from "../inbox.ts";
import { OUTBOX_SUBJECT_PAUSE_MS, OUTBOX_UNMARK_ROWS_MAX } from "../limits.ts";
import { OutboxLead } from "./outbox-lead.ts";
import { Outbox } from "./outbox.ts";
import { silent } from "../testing.ts";
import { type OutboxRig, outboxRig, SOON, textsOf } from "./testing.ts";

let rig: OutboxRig;
let t: OutboxRig["t"];
let db: OutboxRig["db"];
let published: OutboxRig["published"];
let streamThat: OutboxRig["streamThat"];
let newOutbox: OutboxRig["newOutbox"];
let add: OutboxRig["add"];
let cleanUps: OutboxRig["cleanUps"];

beforeEach(async () => {
  rig = await outboxRig();
  ({ t, db, published, streamThat, newOutbox, add, cleanUps } = rig);
});
afterEach(() => rig.close());

const HOUR_MS = 3_600_000;

const unpublished = async () =>
  (await t.pool.query<{ count: number }>("select count(*)::int from shop.outbox where published_at is null")).rows[0]
    ?.count;

const killConnections = (name: string) =>
  t.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1",
    [name],
  );

/** Nothing is asked of PostgreSQL just now: where the clock goes on no sooner, no lead is lost because PostgreSQL hesitates. */
const relayRests = () =>
  vi.waitUntil(async () => {
    const busy =
      "select from pg_stat_activity where datname = current_database() and application_name = 'relay' and state <> 'idle'";
    return (await t.pool.query(busy)).rowCount === 0;
  }, SOON);

describe("outbox", () => {
  it("publishes what was committed, as a CloudEvent, and nothing that was rolled back", async () => {
    const outbox = newOutbox(streamThat());
    outbox.start();
    const failing = db.transaction().execute(async (transaction) => {
      await outbox.add(transaction, "user.deleted", "u0", { userId: "u0" });
      throw new Error("on purpose");
    });
    await expect(failing).rejects.toThrow("on purpose");
    await add(outbox, "<\u0000\ud83c\udfad'>", "u1");
    outbox.nudge();
    await expect.poll(() => published.length, SOON).toBe(1);
    expect(published[0]).toEqual({
      specversion: "1.0",
      id: expect.stringMatching(/^evt_[\w-]{22}$/),
      source: "/usher/shop",
      type: "user.deleted",
      subject: "u1",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      datacontenttype: "application/json",
      data: { userId: "<\u0000\ud83c\udfad'>" },
    });
    await expect.poll(unpublished, SOON).toBe(0);
  });

  it("finds by itself what nobody nudged for", async () => {
    const outbox = newOutbox(streamThat());
    outbox.start();
    await add(outbox, "before");
    await expect.poll(() => textsOf(published), SOON).toEqual(["before"]);
    await add(outbox, "after");
    await expect.poll(() => textsOf(published), SOON).toEqual(["before", "after"]);
  });

  it("hears at once of what another process has committed", async () => {
    const clock = new VirtualClock();
    const bus = new InProcessBus({ clock: systemClock, log: silent });
    cleanUps.unshift(() => bus.close());
    // Its time stands still: it never polls.
    const leader = newOutbox(streamThat(), { name: "leader", clock, bus });
    await add(leader, "first");
    leader.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first"]);
    await expect.poll(unpublished, SOON).toBe(0);
    const other = newOutbox(streamThat(), { name: "other", bus });
    other.start();
    await add(other, "second");
    other.nudge();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first", "second"]);
  });

  it("does not let a subject that cannot be published take the room of others, however much it has", async () => {
    const outbox = newOutbox(
      streamThat(async ({ subject }) => {
        if (subject === "bad") throw new Error("it is not taken");
      }),
    );
    await add(outbox, "first", "bad");
    await t.pool.query(
      `insert into shop.outbox (type, subject, event, created_at)
       select type, subject, event, created_at from shop.outbox, generate_series(1, 1600)`,
    );
    await add(outbox, "other", "good");
    outbox.start();
    await expect.poll(unpublished, SOON).toBe(1601);
  });

  it("reads seldom and logs little while the stream takes nothing, however much waits", async () => {
    const clock = new VirtualClock();
    const [lines, pool] = [
      [] as string[],
      createPool({ connectionString: t.url, max: 2, name: "leader", log: silent }),
    ];
    let [reads, underWay] = [0, 0];
    pool.on("connect", (connection) => {
      const query = connection.query.bind(connection) as (question: unknown, values?: unknown[]) => Promise<unknown>;
      const counted = async (question: unknown, values?: unknown[]): Promise<unknown> => {
        if ((question as { name?: string }).name === "outbox.read") reads++;
        underWay++;
        return query(question, values).finally(() => underWay--);
      };
      connection.query = counted as typeof connection.query; // As the relay calls it: with a promise for its answer.
    });
    let isAway = true;
    const outbox = new Outbox({
      pool,
      schema: "shop",
      source: "/usher/shop",
      stream: streamThat(() => (isAway ? Promise.reject(new Error("the stream is away")) : Promise.resolve())),
      clock,
      random: systemRandom,
      log: pino({ level: "warn" }, { write: (line: string) => void lines.push(line) }),
    });
    cleanUps.push(async () => {
      await outbox.stop();
      await pool.end();
    });
    await add(outbox, "first", "s0");
    await t.pool.query(
      `insert into shop.outbox (type, subject, event, created_at)
       select type, 's' || at, event, created_at from shop.outbox, generate_series(1, 1999) at`,
    );
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 100) {
        await clock.advance(100);
        await vi.waitUntil(() => underWay === 0, SOON);
        await clock.settle();
      }
    };
    outbox.start();
    await expect.poll(() => reads, SOON).toBeGreaterThan(0);
    await pass(3_000);
    expect(published.length).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(10);
    expect(lines.length).toBeLessThanOrEqual(4);
    isAway = false;
    await pass(2_000);
    await expect.poll(unpublished, SOON).toBe(0);
  });

  it("tells what joins a subject under way right after it, without looking again", async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const stream = streamThat(async ({ subject }) => (subject === "slow" ? opened : undefined));
    const outbox = newOutbox(stream, { clock: new VirtualClock() });
    await add(outbox, "first", "slow");
    outbox.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first"]);
    await add(outbox, "second", "slow");
    await add(outbox, "other");
    outbox.nudge();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first", "other"]);
    await add(outbox, "unheard of"); // Nobody nudges: another look would find it.
    open();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first", "other", "second"]);
    await expect.poll(unpublished, SOON).toBe(1);
  });

  it("does not skip a transaction that began earlier and commits later", async () => {
    const outbox = newOutbox(streamThat());
    outbox.start();
    const slow = await db.startTransaction().execute();
    await outbox.add(slow, "user.deleted", "slow", { userId: "slow" });
    for (let number = 0; number < 3; number++) await add(outbox, `quick ${number}`);
    outbox.nudge();
    await expect.poll(() => published.length, SOON).toBe(3);
    await expect.poll(unpublished, SOON).toBe(0);
    await slow.commit().execute();
    outbox.nudge();
    await expect.poll(() => textsOf(published).at(-1), SOON).toBe("slow");
    const { rows } = await sql<{ first: string }>`select subject as first from shop.outbox order by id`.execute(db);
    expect(rows[0]?.first).toBe("slow");
  });

  it("tries again what the stream refused, in order, and lets other subjects pass", async () => {
    let refusals = 2;
    const outbox = newOutbox(
      streamThat(async ({ subject }) => {
        if (subject === "refused" && refusals-- > 0) throw new Error("the stream is away");
      }),
    );
    await add(outbox, "first", "refused");
    await add(outbox, "second", "refused");
    await add(outbox, "other");
    outbox.start();
    await expect.poll(unpublished, SOON).toBe(0);
    expect(textsOf(published)).toEqual(["first", "other", "first", "first", "second"]);
  });

  it("keeps the order of a subject that fails while a read is under way, however long that takes", async () => {
    const clock = new VirtualClock();
    const pool = createPool({ connectionString: t.url, max: 2, name: "leader", log: silent });
    let isReading = false;
    let answerRead: (() => void) | undefined;
    pool.on("connect", (connection) => {
      const query = connection.query.bind(connection) as (question: unknown, values?: unknown[]) => Promise<unknown>;
      const slowQuery = async (question: unknown, values?: unknown[]): Promise<unknown> => {
        if (isReading && (question as { name?: string }).name === "outbox.read") {
          isReading = false;
          await new Promise<void>((resolve) => (answerRead = resolve));
        }
        return query(question, values);
      };
      connection.query = slowQuery as typeof connection.query; // As the relay calls it: with a promise for its answer.
    });
    let refuse: ((reason: Error) => void) | undefined;
    const outbox = new Outbox({
      pool,
      schema: "shop",
      source: "/usher/shop",
      stream: streamThat(() =>
        refuse === undefined ? new Promise((_, reject) => (refuse = reject)) : Promise.resolve(),
      ),
      clock,
      random: systemRandom,
      log: silent,
    });
    cleanUps.push(async () => {
      await outbox.stop();
      await pool.end();
    });
    await add(outbox, "first", "u1");
    outbox.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["first"]);
    await add(outbox, "second", "u1");
    isReading = true;
    outbox.nudge();
    await expect.poll(() => answerRead, SOON).toBeDefined();
    refuse?.(new Error("the stream is away"));
    await clock.settle();
    await clock.advance(OUTBOX_SUBJECT_PAUSE_MS);
    answerRead?.();
    await expect.poll(unpublished, SOON).toBe(0);
    expect(textsOf(published)).toEqual(["first", "first", "second"]);
  });

  it("keeps the order of each subject with two relays, and with connections that break", async () => {
    const [one, two] = [newOutbox(streamThat()), newOutbox(streamThat())];
    one.start();
    two.start();
    const subjects = ["a", "b", "c", "d"];
    const EACH = 100;
    await Promise.all(
      subjects.map(async (subject) => {
        for (let number = 0; number < EACH; number++) {
          await add(number % 2 === 0 ? one : two, `${subject}${number}`, subject);
          one.nudge();
          two.nudge();
          if (subject === "a" && number % 25 === 24) await killConnections("relay");
        }
      }),
    );
    await expect.poll(unpublished, SOON).toBe(0);
    for (const subject of subjects) {
      const texts = textsOf(published.filter((event) => event.subject === subject));
      const firsts = [...new Set(texts)]; // Where a connection broke before the mark, the event came again.
      expect(firsts).toEqual(Array.from({ length: EACH }, (_, number) => `${subject}${number}`));
      expect(texts.length).toBeLessThan(EACH + 10);
    }
  });

  it.each([
    ["ahead", HOUR_MS],
    ["behind", -HOUR_MS / 2],
  ])("publishes once more what went to a stream that was made anew, by a clock that is %s", async (_, aheadMs) => {
    const clock = new VirtualClock();
    let [madeAt, looks] = [clock.now() - HOUR_MS, 0];
    const stream = {
      ...streamThat(),
      repeatAfterMs: HOUR_MS,
      async madeAt() {
        looks++;
        return new Date(madeAt);
      },
    };
    const outbox = newOutbox(stream, { clock });
    await add(outbox, "u1");
    outbox.start();
    await expect.poll(unpublished, SOON).toBe(0);
    expect(textsOf(published)).toEqual(["u1"]);
    madeAt = clock.now() + aheadMs;
    const passed = async (): Promise<number> => {
      await clock.advance(1_000);
      return looks;
    };
    await expect.poll(passed, SOON).toBe(5);
    expect(textsOf(published)).toEqual(["u1", "u1"]);
    await outbox.stop();
    newOutbox(stream, { clock }).start(); // It sees the stream too, and it is no other.
    await expect.poll(passed, SOON).toBe(7);
    expect(textsOf(published)).toEqual(["u1", "u1"]);
  });

  it("takes all that went to a stream which is gone for unpublished, some thousands of rows at a time", async () => {
    const clock = new VirtualClock();
    const ROWS = 2 * OUTBOX_UNMARK_ROWS_MAX + 1;
    await t.pool.query(
      `insert into shop.outbox (type, subject, event, created_at, written_at, published_at)
       select 'user.deleted', 'u' || n, '{}', $1, $1, $1 from generate_series(1, $2::int) n`,
      [new Date(clock.now() - 1_000), ROWS],
    );
    const connection = await t.pool.connect();
    try {
      const lead = await OutboxLead.of(connection, "shop", clock);
      await lead.noteStream(new Date(clock.now()));
      expect([await lead.unmark(), await unpublished()]).toEqual([ROWS, ROWS]);
    } finally {
      connection.release();
    }
  });

  it("is not held up by what the stream refuses to take once more, and tells it later, in order", async () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    let refused: string | undefined;
    const stream = {
      ...streamThat(async ({ data }) => {
        if ((data as { userId: string }).userId === refused) throw new Error("it is not taken");
      }),
      repeatAfterMs: 1_000,
    };
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const outbox = newOutbox(stream, { clock, log });
    await add(outbox, "first", "u1");
    await add(outbox, "second", "u1");
    await add(outbox, "other", "u2");
    outbox.start();
    await expect.poll(unpublished, SOON).toBe(0);
    refused = "first";
    published.length = 0;
    const told = async (): Promise<string[]> => {
      await clock.advance(1_000); // Not more: PostgreSQL is to answer now and then, or the lead is lost.
      await relayRests();
      return [...new Set(textsOf(published))]; // What is refused is told at each look.
    };
    await expect.poll(told, SOON).toEqual(["first", "other"]);
    await add(outbox, "new", "u3");
    await expect.poll(told, SOON).toEqual(["first", "other", "new"]);
    const said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg); // As pino writes it.
    expect(new Set(said)).toEqual(new Set(["events could not be published yet"]));
    refused = undefined;
    await expect.poll(told, SOON).toEqual(["first", "other", "new", "second"]);
    const ofOneSubject = textsOf(published).filter((text) => text === "first" || text === "second");
    expect(ofOneSubject.slice(-2)).toEqual(["first", "second"]);
  });

  it("publishes an event again when the process died before the mark; the inbox tells", async () => {
    const inbox = new Inbox({ schema: "shop" });
    const taken: boolean[] = [];
    const deal = async (event: DomainEvent): Promise<void> => {
      taken.push(await db.transaction().execute((transaction) => inbox.take(transaction, "tickets", event.id)));
    };
    const dying = newOutbox(
      streamThat(async (event) => {
        await deal(event);
        await new Promise(() => {});
      }),
      { name: "dying" },
    );
    await add(dying, "u1");
    dying.start();
    await expect.poll(() => taken, SOON).toEqual([true]);
    const next = newOutbox(streamThat(deal));
    next.start();
    await expect.poll(() => holdersOfLock(), SOON).toEqual(["dying"]);
    await killConnections("dying");
    await expect.poll(() => taken, SOON).toEqual([true, false]);
    await expect.poll(unpublished, SOON).toBe(0);
  });

  it("keeps published rows for a week, and unpublished ones for ever", async () => {
    const outbox = newOutbox(streamThat(() => new Promise(() => {})));
    const event = JSON.stringify({ id: "evt_1", type: "user.deleted", subject: "u1" });
    const insert = (days: number, isPublished: boolean) =>
      t.pool.query(
        `insert into shop.outbox (type, subject, event, created_at, published_at)
         values ('user.deleted', $1, $2, now() - make_interval(days => $3), case when $4 then now() - make_interval(days => $3) end)`,
        [`${days} ${isPublished}`, event, days, isPublished],
      );
    await insert(8, true);
    await insert(6, true);
    await insert(400, false);
    outbox.start();
    const kept = async () =>
      (await t.pool.query<{ subject: string }>("select subject from shop.outbox order by id")).rows.map(
        ({ subject }) => subject,
      );
    await expect.poll(kept, SOON).toEqual(["6 true", "400 false"]);
  });

  it("waits at a stop for what is being published, so that it is marked", async () => {
    let finish: () => void = () => {};
    const stream = streamThat(() => new Promise<void>((resolve) => (finish = resolve)));
    const outbox = newOutbox(stream, { clock: new VirtualClock() }); // A stop waits two seconds, in which PostgreSQL may not have answered.
    await add(outbox, "u1");
    outbox.start();
    await expect.poll(() => published.length, SOON).toBe(1);
    const stopped = outbox.stop();
    finish();
    await stopped;
    expect(await unpublished()).toBe(0);
    await expect.poll(() => holdersOfLock(), SOON).toEqual([]);
  });
});

async function holdersOfLock(): Promise<string[]> {
  const { rows } = await t.pool.query<{ name: string }>(
    `select application_name as name from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.map(({ name }) => name);
}
