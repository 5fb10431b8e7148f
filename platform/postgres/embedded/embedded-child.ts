/** What the tests run as a process of its own: a parent for PostgreSQL that they can kill. */
import { systemClock } from "../../clock/index.ts";
import { messageOf } from "../../explained/index.ts";
import { createLogger } from "../../log/index.ts";
import { startEmbedded } from "./index.ts";

const [dataDir = ""] = process.argv.slice(2);
try {
  const server = await startEmbedded({
    dataDir,
    log: createLogger({ name: "child", level: "error" }),
    clock: systemClock,
  });
  process.once("SIGTERM", () => void server.stop());
  console.log(`ready ${server.url}`);
} catch (error) {
  console.log(`refused ${messageOf(error)}`);
  process.exitCode = 1;
}
