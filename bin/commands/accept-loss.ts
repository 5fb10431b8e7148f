import { Command } from "commander";
import { acceptLosses } from "../../engine/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import type { Context } from "../context.ts";
import { openDatabaseBeside, withDatabase } from "../parts/database/database.ts";

export const acceptLossCommand = (context: Context): Command =>
  new Command("accept-loss")
    .description("lets engines sell on where PostgreSQL came back with less than it had acknowledged")
    .action(async () => {
      const config = loadConfig(context.env);
      const log = createLogger({ level: "warn", name: "accept-loss" });
      const database = await openDatabaseBeside(config, log);
      const ifEmpty =
        "This database has nothing that was lost: no engine has started on it since it was made or brought up to date.";
      await withDatabase(database, { name: "usher-accept-loss", log, ifEmpty }, async (pool) => {
        const losses = await acceptLosses(pool);
        for (const { shard, row } of losses) context.print(`shard ${shard}: its rows up to ${row} are given up`);
        context.print(
          losses.length > 0
            ? "Accepted. Start every engine anew: until then those that run remember."
            : "No engine has missed anything: start them first, and see what they say.",
        );
      });
    });
