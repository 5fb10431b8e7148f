import { Command } from "commander";
import { loadConfig } from "../../platform/config/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createPool } from "../../platform/postgres/index.ts";
import type { Context } from "../context.ts";
import { openOrMakeDatabaseBeside } from "../parts/database.ts";
import { migrateAll } from "../parts/migrations.ts";

export const migrateCommand = (context: Context): Command =>
  new Command("migrate")
    .description("brings the database up to date, and changes nothing that is; `usher all` does it by itself")
    .action(async () => {
      const config = loadConfig(context.env);
      const log = createLogger({ level: config.logLevel, name: "migrate" });
      const database = await openOrMakeDatabaseBeside(config, log);
      const pool = createPool({ connectionString: database.url, max: 2, name: "usher-migrate", log });
      try {
        await migrateAll(pool);
        context.print("The database is up to date.");
      } finally {
        await pool.end();
        await database.stop();
      }
    });
