/** The `usher` command: one composition root a role. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { WebSocketServerError } from "../edge/index.ts";
import { JournalDamaged, TwoClusters, UnsafeJournal } from "../engine/index.ts";
import { NatsUnusable } from "../platform/bus/index.ts";
import { ConfigError } from "../platform/config/index.ts";
import { HEAP_FLAG } from "../platform/heap/index.ts";
import { DatabaseUnusable } from "../platform/postgres/index.ts";
import { RedisUnusable } from "../platform/redis/index.ts";
import { allCommand } from "./commands/all.ts";
import { edgeCommand } from "./commands/edge.ts";
import { engineCommand } from "./commands/engine.ts";
import { clusterCommand } from "./commands/cluster.ts";
import { demoCommand } from "./commands/demo.ts";
import { eventsCommand } from "./commands/events.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { journalCommand } from "./commands/journal.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { shardsCommand } from "./commands/shards.ts";
import { servicesCommand } from "./commands/services.ts";
import { watchCommand } from "./commands/watch.ts";
import type { Context } from "./context.ts";
import { ExplainedError } from "./parts/explained-error.ts";

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

/** Errors whose message is a sentence for whoever started us; all others are defects and are shown with their stack. */
const EXPLAINED = [
  ConfigError,
  DatabaseUnusable,
  ExplainedError,
  JournalDamaged,
  NatsUnusable,
  RedisUnusable,
  TwoClusters,
  UnsafeJournal,
  WebSocketServerError,
];

const program = new Command("usher")
  .description("Sells seats live: one command, or one role of a cluster.")
  .version(manifest.version)
  .showHelpAfterError()
  .addCommand(allCommand(context))
  .addCommand(engineCommand(context))
  .addCommand(edgeCommand(context))
  .addCommand(servicesCommand(context))
  .addCommand(clusterCommand(context))
  .addCommand(shardsCommand(context))
  .addCommand(migrateCommand(context))
  .addCommand(journalCommand(context))
  .addCommand(eventsCommand(context))
  .addCommand(watchCommand(context))
  .addCommand(demoCommand(context))
  .addCommand(gatewayCommand(context))
  .addCommand(keysCommand(context));

try {
  await program.parseAsync();
} catch (error) {
  if (EXPLAINED.some((kind) => error instanceof kind)) console.error((error as Error).message);
  else console.error(error);
  process.exit(1);
}
