import { Command } from "commander";
import { setTimeout as wait } from "node:timers/promises";
import type pg from "pg";
import { loadConfig } from "../../platform/config/index.ts";
import { sleep, systemClock } from "../../platform/clock/index.ts";
import { type DeadLetter, DeadLetters, EventLog, type LoggedEvent } from "../../platform/events/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { explainConnectionError } from "../../platform/postgres/index.ts";
import { EVENT_NAMES } from "../../proto/index.ts";
import type { Context } from "../context.ts";
import { openDatabaseBeside, withDatabase } from "../parts/database/database.ts";
import { wholeNumber } from "./whole-number.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

const NO_EVENTS_YET = "This database knows no events yet: start Usher, or run `npx usher migrate`.";
const LIMIT_MAX = 999_999;
const FOLLOW_EVERY_MS = 1_000;
/** A transaction that takes longer than this is not followed. */
const FOLLOW_BACK_MS = 60_000;
const FOLLOW_ROWS_MAX = 10_000;
/** How long a replay is waited for; a running Usher looks for it every second. */
const REPLAY_WAIT_MS = 10_000;
const REPLAY_LOOK_EVERY_MS = 200;

interface ListOptions {
  readonly subject?: string;
  readonly type?: string;
  readonly limit: number;
  readonly follow?: boolean;
}

export function eventsCommand(context: Context, { replayWaitMs = REPLAY_WAIT_MS } = {}): Command {
  const command = new Command("events").description("looks at the events of the last week, and at those that failed");
  command
    .command("list", { isDefault: true })
    .description("prints the newest events, of all services")
    .option("--subject <id>", "only of this booking, showtime or user")
    .option("--type <type>", `only of this type: ${EVENT_NAMES.join(", ")}`)
    .option("--limit <count>", "how many", wholeNumber(1, LIMIT_MAX), 50)
    .option("--follow", "goes on with those that happen from now on")
    .action((options: ListOptions) => listEvents(context, options));
  command
    .command("dead")
    .description("prints the dead letters: events that a consumer failed on too often")
    .option("--limit <count>", "how many", wholeNumber(1, LIMIT_MAX), 50)
    .action(({ limit }: { limit: number }) => withEvents(context, (pool) => listDead(context, pool, limit)));
  command
    .command("replay")
    .description("hands dead letters to their consumers again, in the Usher that runs")
    .argument("[ids...]", "as `usher events dead` shows them")
    .option("--all", "every dead letter")
    .action((ids: string[], { all }: { all?: boolean }) =>
      withEvents(context, (pool) => replay(context, pool, all === true ? "all" : ids, replayWaitMs)),
    );
  command
    .command("discard")
    .description("deletes dead letters that nobody will miss")
    .argument("<ids...>", "as `usher events dead` shows them")
    .action((ids: string[]) => withEvents(context, (pool) => discard(context, pool, ids)));
  return command;
}

function listEvents(context: Context, { subject, type, limit, follow }: ListOptions): Promise<void> {
  if (type !== undefined && !EVENT_NAMES.some((name) => name === type)) {
    throw new ExplainedError(`There are no events of type ${type}: the types are ${EVENT_NAMES.join(", ")}.`);
  }
  return withEvents(context, async (pool) => {
    const log = new EventLog(pool);
    if (!(await log.isThere())) throw new ExplainedError(NO_EVENTS_YET);
    const recent = (now: number): Promise<LoggedEvent[]> =>
      log.read({ subject, type, since: new Date(now - FOLLOW_BACK_MS), limit: FOLLOW_ROWS_MAX });
    // Looked at first: what happens between the two looks is shown now or with the next.
    let lookedAt = systemClock.now();
    const before = follow === true ? await recent(lookedAt) : [];
    const shown = await log.read({ subject, type, limit });
    for (const event of shown) context.print(lineOf(event));
    if (shown.length === 0) context.print("No events.");
    let seen = idsOf([...before, ...shown]);
    let isAway = false;
    while (follow === true) {
      await wait(FOLLOW_EVERY_MS); // Not by our clock, which alone keeps no process alive: while PostgreSQL is away nothing else does.
      const now = systemClock.now();
      try {
        const events = await recent(lookedAt); // As of the last look that came about, however long ago that was.
        const news = events.filter(({ event }) => !seen.has(event.id));
        if (news.length === FOLLOW_ROWS_MAX)
          process.stderr.write(`Only the newest ${news.length} are shown of what has happened since.\n`);
        for (const event of news) context.print(lineOf(event));
        seen = idsOf(events);
        lookedAt = now;
        isAway = false;
      } catch (error) {
        const away = explainConnectionError(error);
        if (away === undefined) throw error;
        if (!isAway) process.stderr.write(`${away.message} Trying again every second.\n`);
        isAway = true;
      }
    }
  });
}

const idsOf = (events: readonly LoggedEvent[]): ReadonlySet<string> => new Set(events.map(({ event }) => event.id));

async function listDead(context: Context, pool: pg.Pool, limit: number): Promise<void> {
  const letters = await new DeadLetters({ pool, clock: systemClock }).list({ limit });
  if (letters.length === 0) context.print("No dead letters.");
  for (const { id, consumer, event, error, attempts, failedAt, replayWanted } of letters) {
    const waits = replayWanted ? ", waits to be replayed" : "";
    context.print(
      `${id}  ${failedAt.toISOString()}  ${consumer} failed ${attempts} times${waits}: ${firstLine(error)}`,
    );
    context.print(plain(`    ${event.type}  ${event.subject}  ${event.id}  ${JSON.stringify(event.data)}`));
  }
}

async function replay(
  context: Context,
  pool: pg.Pool,
  wanted: readonly string[] | "all",
  waitMs: number,
): Promise<void> {
  if (wanted.length === 0) throw new ExplainedError("Say which: the ids that `npx usher events dead` shows, or --all.");
  const deadLetters = new DeadLetters({ pool, clock: systemClock });
  const ids = await deadLetters.replay(wanted === "all" ? wanted : wanted.map(requireId));
  const missing = wanted === "all" ? [] : wanted.filter((id) => !ids.includes(id));
  if (ids.length === 0 && missing.length === 0) context.print("No dead letters.");

  let left: DeadLetter[] = [];
  const until = systemClock.monotonic() + waitMs;
  do {
    await sleep(systemClock, REPLAY_LOOK_EVERY_MS);
    left = await deadLetters.list({ limit: ids.length, ids });
  } while (left.some(({ replayWanted }) => replayWanted) && systemClock.monotonic() < until);

  const kept = new Map(left.map((letter) => [letter.id, letter]));
  for (const id of ids) {
    const letter = kept.get(id);
    if (letter === undefined) context.print(`${id}  replayed`);
    else if (letter.replayWanted) context.print(`${id}  waits: no running Usher has taken it yet, the next one will`);
    else context.print(`${id}  failed again: ${firstLine(letter.error)}`);
  }
  requireNone(missing);
}

async function discard(context: Context, pool: pg.Pool, ids: readonly string[]): Promise<void> {
  const deadLetters = new DeadLetters({ pool, clock: systemClock });
  const missing: string[] = [];
  for (const id of ids.map(requireId)) {
    if (await deadLetters.discard(id)) context.print(`${id}  discarded`);
    else missing.push(id);
  }
  requireNone(missing);
}

async function withEvents(context: Context, work: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const config = loadConfig(context.env);
  const log = createLogger({ level: "warn", name: "events" });
  const database = await openDatabaseBeside(config, log);
  await withDatabase(database, { name: "usher-events", log, ifEmpty: NO_EVENTS_YET }, work);
}

const lineOf = ({ event, publishedAt }: LoggedEvent): string =>
  plain(
    `${event.time}  ${event.type.padEnd(18)}  ${event.subject}  ${event.id}  ${JSON.stringify(event.data)}${publishedAt === null ? "  (not published yet)" : ""}`,
  );

const firstLine = (text: string): string => plain(text.split("\n")[0] ?? "");

/** What people have written does not get to write to the terminal. */
const plain = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

function requireId(text: string): string {
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  throw new ExplainedError(`${text} cannot be a dead letter's id: \`npx usher events dead\` shows them.`);
}

function requireNone(missing: readonly string[]): void {
  if (missing.length > 0) throw new ExplainedError(`There is no dead letter ${missing.join(", ")}.`);
}
