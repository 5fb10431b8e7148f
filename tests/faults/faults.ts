/** What can happen to a cluster, one thing after another. */
import { setTimeout as pause } from "node:timers/promises";
import type { ProcessUnderWatch } from "../../bin/cluster/process-under-watch.ts";
import { PostgresJournal, takeSnapshot } from "../../engine/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { until } from "../../platform/testing/until.ts";
import { pick } from "../simulation/random.ts";
import { shardOf, showtimeId } from "../../proto/index.ts";
import { Rest } from "../support/rest.ts";
import { EventsWatch } from "./events-watch.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import { sendGarbage } from "./garbage.ts";
import type { Rush } from "./rush.ts";
import { log, PATIENCE_MS, SHARDS, type World } from "./world.ts";

/** @returns the showtimes that had to move; the rush measures how long each was without an answer. */
export type Fault = (world: World, rush: Rush) => Promise<readonly string[]>;

/** Longer than the time after which the others take what a silent engine has. */
const PARTITION_MS = 4_000;
const NOTHING_MS = 10_000;
const WORKING_MS = 400;
/** The others sell on for this long before they clear away. */
const ASLEEP_MS = 1_500;
const A_MONTH_MS = 31 * 86_400_000;
const NOBODY: readonly string[] = [];

/** What the others are compared with: how long a showtime is without an answer where nothing happens at all. */
const nothing: Fault = async (_, rush) => {
  rush.answers.forget();
  await pause(NOTHING_MS);
  return rush.showtimes;
};

const killOne =
  (kind: string): Fault =>
  async (world, rush) => {
    const victim = pick(rush.random, world.all(kind));
    const moved = kind === "engine" ? rush.showtimesIn(world.shardsOf(victim)) : NOBODY;
    const before = victim.restarts;
    rush.answers.forget();
    world.signal(victim, "SIGKILL");
    await until(
      () => victim.restarts > before && victim.state === "ready",
      `${victim.program.name} is back`,
      PATIENCE_MS,
    );
    return moved;
  };

/**
 * It sleeps until others have its shards, have sold on, and have cleared away the rows that it would write next: as if it had slept for
 * as long as the journal is kept. The primary key of the journal does not stop it any more when it wakes; its epoch does.
 */
const sleepOverTheTakeover: Fault = async (world, rush) => {
  const victim = pick(rush.random, world.all("engine"));
  const shards = world.shardsOf(victim);
  rush.answers.forget();
  world.signal(victim, "SIGSTOP");
  try {
    await until(
      () => {
        const others = world.members.filter(({ pid }) => pid !== victim.pid).flatMap((member) => member.shards);
        const theirs = new Set(others.map(([shard]) => shard));
        return [...shards].every((shard) => theirs.has(shard));
      },
      "others take over what a stopped engine had",
      PATIENCE_MS,
    );
    for (let turn = 0; turn < 2; turn++) {
      await pause(ASLEEP_MS);
      await clearAway(world, shards);
    }
  } finally {
    world.signal(victim, "SIGCONT");
  }
  await pause(WORKING_MS);
  return rush.showtimesIn(shards);
};

/** Who takes the events to those who write mails sleeps until somebody else has told them of a booking that was made meanwhile. */
const sleepOverEvents: Fault = async (world) => {
  const events = new EventsWatch(world.databaseUrl);
  try {
    const port = await events.leadersPort();
    const leads = ({ program: { name } }: ProcessUnderWatch): boolean =>
      world.ways(name, "postgres").some(({ clientPorts }) => clientPorts.includes(port));
    const victim = world.all("services").find(leads);
    if (victim === undefined) throw new Error(`no services process has the port ${port}`);
    world.signal(victim, "SIGSTOP");
    try {
      const last = await events.lastWritten();
      await until(
        () => events.hasToldSince(last),
        "somebody takes over the events of a process that sleeps",
        PATIENCE_MS,
      );
    } finally {
      world.signal(victim, "SIGCONT");
    }
  } finally {
    await events.close();
  }
  await pause(WORKING_MS);
  return NOBODY;
};

/** What the snapshots' keeper would do in a month. */
async function clearAway(world: World, shards: Iterable<number>): Promise<void> {
  const clock = { ...systemClock, now: () => systemClock.now() + A_MONTH_MS };
  const journal = new PostgresJournal({ connectionString: world.databaseUrl, clock, log });
  for (const shard of shards) await takeSnapshot(journal, shard, log);
  await journal.close();
}

const restartPostgres =
  (how: "fast" | "immediate"): Fault =>
  async (world, rush) => {
    await world.stopPostgres(how);
    rush.answers.forget();
    await until(() => rush.answers.isComplete, "every showtime gives an answer", PATIENCE_MS);
    return rush.showtimes;
  };

/** Between one process of a kind, whichever, and all of another. Something went there before, and nothing does meanwhile. */
const partition =
  (kind: string, to: string): Fault =>
  async (world, rush) => {
    const victim = pick(rush.random, world.all(kind));
    const ways = world.ways(victim.program.name, to);
    const passed = (): number => ways.reduce((sum, way) => sum + way.passed, 0);
    const breakIt = rush.random() < 0.5 ? (way: FaultProxy) => way.cut() : (way: FaultProxy) => way.silence();
    const moved = kind === "engine" ? rush.showtimesIn(world.shardsOf(victim)) : NOBODY;
    rush.answers.forget();
    ways.forEach(breakIt);
    const before = passed();
    try {
      await pause(PARTITION_MS);
      const bytes = passed() - before;
      if (before === 0 || bytes > 0) rush.wrong(`${victim.program.name} and ${to}: ${before} bytes, then ${bytes}`);
    } finally {
      for (const way of ways) way.open();
    }
    return moved;
  };

/** One joins and leaves again. No command fails meanwhile, and no showtime is without an answer for long. */
const handOver: Fault = async (world, rush) => {
  const postponed = rush.postponed;
  rush.answers.forget();
  await world.join();
  await world.whole();
  const joined = world.shardsOf(world.named("engine-3"));
  if (joined.size === 0) rush.wrong("the engine that joined has got nothing");
  await world.leave();
  if (rush.postponed > postponed) rush.wrong(`${rush.postponed - postponed} commands were not answered at a hand-over`);
  return rush.showtimesIn(joined);
};

/** One process after another is restarted, as by an operator. Of some there is one alone: who needs it waits for it, or does without. */
const rollingRestart =
  (names: readonly string[]): Fault =>
  async (world, rush) => {
    for (const name of names) {
      if (name === "postgres") await restartPostgres("fast")(world, rush);
      else await world.restart(name);
      if (name.startsWith("engine")) await world.whole();
    }
    return NOBODY;
  };

/** Nothing ends, nothing is answered wrongly. */
const garbage: Fault = async (world, rush) => {
  const restarts = (): number => [...world.processes.values()].reduce((sum, process) => sum + process.restarts, 0);
  const before = restarts();
  const showtime = showtimeId(pick(rush.random, rush.showtimes));
  const rest = new Rest(world.httpPort);
  const { userId } = await rest.guest();
  const target = { showtime, holder: userId, shard: shardOf(showtime, SHARDS) };
  await sendGarbage(await world.natsUrl("edge"), target, rush.random);
  await rest.seats(showtime).catch(() => undefined); // Its engine has read all of it by then, or has died of it.
  await world.whole(); // Who has died is counted once it is there again.
  if (restarts() > before) rush.wrong("garbage on the bus has ended a process");
  return NOBODY;
};

export const FAULTS = {
  nothing,
  "engine killed": killOne("engine"),
  "engine asleep": sleepOverTheTakeover,
  "services asleep": sleepOverEvents,
  "edge killed": killOne("edge"),
  "NATS killed": killOne("nats"),
  "Redis killed": killOne("redis"),
  "PostgreSQL restarted": restartPostgres("immediate"),
  "engine | NATS": partition("engine", "nats"),
  "engine | PostgreSQL": partition("engine", "postgres"),
  "edge | NATS": partition("edge", "nats"),
  "services | NATS": partition("services", "nats"),
  "NATS | NATS": partition("nats", "nats"),
  "services | PostgreSQL": partition("services", "postgres"),
  "gateway | PostgreSQL": partition("gateway", "postgres"),
  "edge | Redis": partition("edge", "redis"),
  "services | Redis": partition("services", "redis"),
  "services | gateway": partition("services", "gateway"),
  "gateway | HAProxy": partition("gateway", "haproxy"),
  "HAProxy | edge": partition("edge", "haproxy"),
  "HAProxy | services": partition("services", "haproxy"),
  garbage,
  "hand-over": handOver,
  "rolling restart": rollingRestart([
    "engine-1",
    "engine-2",
    "edge-1",
    "edge-2",
    "services-1",
    "services-2",
    "gateway",
    "redis",
    "postgres",
    "nats-1",
    "nats-2",
    "nats-3",
    "haproxy",
  ]),
  "some restarted": rollingRestart(["engine-1", "edge-1", "services-1", "gateway", "redis", "nats-1", "haproxy"]),
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
