/**
 * Kills an engine, or PostgreSQL under it, again and again while buyers press, and holds every answer that was given against the journal.
 * After each kill: whatever was answered is in the journal with that very answer; what was asked and not answered is asked again and
 * gets one; and each seat's booking in `booked_seat`, which has one for a seat at the most, is that of the replayed state.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { seeded } from "../../platform/random/index.ts";
import { until } from "../../platform/testing/until.ts";
import { type Command, type Reply, shardOf } from "../../proto/index.ts";
import { deadlines } from "../../engine/core/index.ts";
import { ENGINE_MIGRATIONS, PostgresJournal, recover, type ShardState } from "../../engine/index.ts";
import { DurableAnswers } from "../simulation/durable-answers.ts";
import { bookingsOf } from "../simulation/bookings-of.ts";
import { between } from "../simulation/random.ts";
import { KILL_SHARDS } from "./buyers.ts";

export interface KillTally {
  kills: number;
  answers: number;
  outcomes: number;
  askedAgain: number;
  bookedSeats: number;
}

interface Options {
  readonly databaseUrl: string;
  readonly seed: number;
  readonly kills: number;
  /** Ends the process, given how; by default SIGKILL to the engine. */
  killPostgres?(): Promise<void>;
  progress?(line: string): void;
}

/** From an engine's decision until we have read its answer, at the most. */
const SLACK_MS = 10_000;

interface Life {
  readonly acknowledged: Map<string, { command: Command; reply: Reply; at: number }>;
  readonly unanswered: Map<string, Command>;
}

const keyOf = (command: Command): string => `${command.showtime} ${command.holder} ${command.rid}`;

export async function killEngine({ databaseUrl, seed, kills, killPostgres, progress }: Options): Promise<KillTally> {
  const random = seeded(seed);
  const log = createLogger({ level: "fatal", name: "kills" });
  const pool = createPool({ connectionString: databaseUrl, max: 2, name: "kills", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  const journal = new PostgresJournal({ connectionString: databaseUrl, clock: systemClock, log });
  const tally: KillTally = { kills: 0, answers: 0, outcomes: 0, askedAgain: 0, bookedSeats: 0 };
  let lost: Command[] = [];
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const life = await live(databaseUrl, seed * 1_000 + kill, lost, between(random, 100, 900), killPostgres);
      await reachable(pool);
      tally.kills++;
      tally.answers += life.acknowledged.size;
      tally.askedAgain += lost.length;
      lost = [...life.unanswered.values()];
      const shards = Array.from({ length: KILL_SHARDS }, (_, shard) => shard);
      const states = await Promise.all(
        shards.map(async (shard) => (await recover(journal, shard, () => undefined)).state),
      );
      const answers = await Promise.all(
        shards.map(async (shard) => {
          const told = new DurableAnswers();
          for await (const row of journal.rows(shard, 0)) told.learn(row);
          return told;
        }),
      );
      tally.outcomes += checkAnswers(life, states, answers);
      tally.bookedSeats = await checkBookedSeats(pool, states);
      progress?.(
        `kill ${kill}/${kills}: ${life.acknowledged.size} answers hold, ${lost.length} to ask again, ${tally.bookedSeats} seats booked`,
      );
    }
    return tally;
  } finally {
    await journal.close();
    await pool.end();
  }
}

/** One life of the engine, up to its end; with `killPostgres`, PostgreSQL dies in the middle and the engine lives on for as long again. */
async function live(
  databaseUrl: string,
  seed: number,
  lost: readonly Command[],
  ms: number,
  killPostgres: (() => Promise<void>) | undefined,
): Promise<Life> {
  const life: Life = { acknowledged: new Map(), unanswered: new Map(lost.map((command) => [keyOf(command), command])) };
  const child = spawn("node", ["--import", "./tools/typescript.mjs", "tests/kills/engine-child.ts"], {
    env: { ...process.env, DATABASE_URL: databaseUrl, SEED: String(seed) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  child.stdin.end(JSON.stringify(lost));
  const lines = createInterface({ input: child.stdout });
  const closed = once(lines, "close");
  let ready: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  lines.on("line", (line) => {
    const [kind, command, reply] = JSON.parse(line) as [string, Command, Reply]; // What engine-child.ts says.
    if (kind === "ready") ready();
    else if (kind === "ask") life.unanswered.set(keyOf(command), command);
    else if (reply.type !== "refused" || reply.code !== "UNAVAILABLE") {
      life.unanswered.delete(keyOf(command));
      life.acknowledged.set(keyOf(command), { command, reply, at: Date.now() });
    }
  });
  await Promise.race([isReady, ended.then(() => Promise.reject(new Error("the engine ended before it was ready")))]);
  await pause(ms);
  if (killPostgres !== undefined) {
    await killPostgres();
    const before = life.acknowledged.size;
    await until(() => life.acknowledged.size > before + 20, "the engine does not come back after PostgreSQL did");
  }
  child.kill("SIGKILL");
  await ended;
  await closed;
  return life;
}

function checkAnswers(life: Life, states: readonly ShardState[], answers: readonly DurableAnswers[]): number {
  let outcomes = 0;
  for (const { command, reply, at } of life.acknowledged.values()) {
    if (reply.type === "refused" || reply.type === "view" || reply.type === "hold") continue;
    outcomes++;
    const state = states[shardOf(command.showtime, KILL_SHARDS)]?.showtimes.get(command.showtime);
    assert(state, `${command.showtime} is gone`);
    answers[shardOf(command.showtime, KILL_SHARDS)]?.check(command, reply);
    if (reply.type === "held" && !endedBy(life, reply.hold)) {
      const number = Number.parseInt(reply.hold.split(".")[1] ?? "", 36);
      const deadline = Array.from(deadlines(state)).find(({ hold }) => hold === number)?.deadline;
      assert(deadline !== undefined, `hold ${reply.hold} is gone, and nobody gave it back`);
      assert(deadline >= at + reply.expiresInMs - SLACK_MS, `hold ${reply.hold} lost some of its time`);
    }
  }
  return outcomes;
}

const endedBy = (life: Life, hold: string): boolean =>
  [...life.acknowledged.values(), ...[...life.unanswered.values()].map((command) => ({ command }))].some(
    ({ command }) => command.type !== "hold" && "hold" in command && command.hold === hold,
  );

async function checkBookedSeats(pool: pg.Pool, states: readonly ShardState[]): Promise<number> {
  const { rows } = await pool.query<{ showtime_id: string; seat: number; booking_id: string }>(
    "SELECT showtime_id, seat, booking_id FROM engine.booked_seat",
  );
  const found = rows.map(({ showtime_id, seat, booking_id }) => `${showtime_id} ${seat} ${booking_id}`).sort();
  const expected: string[] = [];
  for (const { showtimes } of states) {
    for (const [id, state] of showtimes) {
      for (const [seat, booking] of bookingsOf(state)) expected.push(`${id} ${seat} ${booking}`);
    }
  }
  assert.deepEqual(found, expected.sort(), "booked_seat and the journal differ");
  return found.length;
}

/** Answers may still have been on their way when PostgreSQL died: it may be down yet. */
async function reachable(pool: pg.Pool): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await pool.query("SELECT 1");
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(20);
    }
  }
}
