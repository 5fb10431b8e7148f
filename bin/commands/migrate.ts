import { Command } from "commander";
import { loadConfig } from "../../platform/config/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import type { Context } from "../context.ts";
import { openOrMakeDatabaseBeside, withDatabase } from "../parts/database/database.ts";
import { migrateAll } from "../parts/database/migrations.ts";

export const migrateCommand = (context: Context): Command =>
  new Command("migrate")
    .description("brings the database up to date, and changes nothing that is; `usher all` does it by itself")
    .action(async () => {
      const config = loadConfig(context.env);
      const log = createLogger({ level: config.logLevel, name: "migrate" });
      const database = await openOrMakeDatabaseBeside(config, log);
      await withDatabase(database, { name: "usher-migrate", max: 2, log }, async (pool) => {
        await migrateAll(pool, { log });
        context.print("The database is up to date.");
      });
    });
