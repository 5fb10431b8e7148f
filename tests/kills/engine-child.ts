/**
 * An engine with make-believe buyers, to be killed. Says every answer on standard output, a JSON array a line, at the instant it is given:
 * ["ack", command, reply]. Begins by asking again what standard input names: the commands whose answers the last life may have lost.
 *
 * Environment: DATABASE_URL, SEED.
 */
import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { InProcessBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { Engine, PostgresJournal, takeSnapshot } from "../../engine/index.ts";
import type { Command, Reply } from "../../proto/index.ts";
import { Buyers, catalogOpens, KILL_LIMITS, KILL_SHARDS } from "./buyers.ts";

const connectionString = process.env["DATABASE_URL"] ?? "";
const log = createLogger({ level: "fatal", name: "killed" });
const clock = systemClock;
const bus = new InProcessBus({ clock, log });
const journal = new PostgresJournal({ connectionString, clock, log });
const engine = new Engine({
  id: randomUUID(),
  journal,
  snapshots: { take: (shard) => takeSnapshot(journal, shard, log), close: () => Promise.resolve() },
  witness: { read: () => Promise.resolve(new Map()), write: () => Promise.resolve() },
  bus,
  clock,
  log,
  metrics: createMetrics("killed"),
  shards: KILL_SHARDS,
  limits: KILL_LIMITS,
  onReplaced: () => process.exit(3),
});
const lost = JSON.parse((await text(process.stdin)) || "[]") as Command[]; // What engine-kills.ts wrote.
await engine.start();
const client = new EngineClient({
  bus,
  clock,
  shards: KILL_SHARDS,
  sells: true,
  timeoutMs: 10_000,
  inFlightMax: 100_000,
});

/** At once: what `process.stdout` cannot get rid of, as when the parent is slow to read, it keeps, and would take with it. */
const tellParent = (what: readonly unknown[]): void => {
  const line = `${JSON.stringify(what)}\n`;
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(NOTHING, 0, 0, 1); // The pipe is full.
    }
  }
};
const NOTHING = new Int32Array(new SharedArrayBuffer(4));
const say = (kind: string, command: Command, reply?: Reply): void => {
  tellParent([kind, command, reply]);
};

async function tell(command: Command): Promise<Reply> {
  say("ask", command);
  const reply = await client.ask(command);
  say("ack", command, reply);
  return reply;
}

for (const open of catalogOpens()) await client.ask(open);
await Promise.all(lost.map(tell));
tellParent(["ready"]);

setInterval(() => undefined, 60_000); // Our clock's timers keep no process alive, and while PostgreSQL is away nothing else would.
const buyers = new Buyers(Number(process.env["SEED"]));
await Promise.all(
  Array.from({ length: 40 }, async (_, number) => {
    for (;;) {
      buyers.learn(number, await tell(buyers.next(number)));
      await new Promise<void>((resolve) => clock.after(5, resolve));
    }
  }),
);
