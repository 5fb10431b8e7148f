/** The `usher` command: one composition root a role. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { ExplainedError } from "../platform/explained/index.ts";
import { HEAP_FLAG } from "../platform/heap/index.ts";
import type { Context } from "./context.ts";

setFlagsFromString(HEAP_FLAG);

/** Built, this file is dist/bin/usher.js. */
const dist = new URL("../", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("../package.json", dist), "utf8")) as { version: string }; // Ours.

const context: Context = {
  env: process.env,
  dist,
  version: manifest.version,
  print: (line) => void process.stdout.write(`${line}\n`),
};

/** Loaded when it is called for: an engine that comes to a cluster in the middle of a sale has no use for what a catalogue needs. */
const COMMANDS = new Map<string, () => Promise<(context: Context) => Command>>([
  ["all", async () => (await import("./commands/all.ts")).allCommand],
  ["engine", async () => (await import("./commands/engine.ts")).engineCommand],
  ["edge", async () => (await import("./commands/edge.ts")).edgeCommand],
  ["services", async () => (await import("./commands/services.ts")).servicesCommand],
  ["cluster", async () => (await import("./commands/cluster.ts")).clusterCommand],
  ["shards", async () => (await import("./commands/shards.ts")).shardsCommand],
  ["migrate", async () => (await import("./commands/migrate.ts")).migrateCommand],
  ["journal", async () => (await import("./commands/journal.ts")).journalCommand],
  ["accept-loss", async () => (await import("./commands/accept-loss.ts")).acceptLossCommand],
  ["events", async () => (await import("./commands/events.ts")).eventsCommand],
  ["watch", async () => (await import("./commands/watch.ts")).watchCommand],
  ["demo", async () => (await import("./commands/demo.ts")).demoCommand],
  ["gateway", async () => (await import("./commands/gateway.ts")).gatewayCommand],
  ["keys", async () => (await import("./commands/keys.ts")).keysCommand],
]);

const program = new Command("usher")
  .description("Sells seats live: one command, or one role of a cluster.")
  .version(manifest.version)
  .showHelpAfterError();

// Whoever read this has gone, as `head` does: that ends what was written for him. A role goes on without its terminal, see `stopWithSignals`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount("error") > 1) return;
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// Help, and who mistyped a name, is told of them all.
const own = COMMANDS.get(process.argv[2] ?? "");
const called = own === undefined ? [...COMMANDS.values()] : [own];

try {
  for (const load of called) program.addCommand((await load())(context));
  await program.parseAsync();
} catch (error) {
  if (error instanceof ExplainedError) console.error(error.message);
  else console.error(error);
  process.exit(1);
}
