/** Seats as rows of PostgreSQL. Environment: DATABASE_URL, STRATEGY (a key of STRATEGIES), SHOWTIMES, PORT. */
import { serveWebSockets } from "../front/web-socket-front.ts";
import { PostgresStore } from "./postgres-store.ts";
import { STRATEGIES } from "./strategies.ts";

const name = process.env["STRATEGY"] ?? "";
const strategy = STRATEGIES[name];
if (strategy === undefined)
  throw new Error(`STRATEGY must be one of ${Object.keys(STRATEGIES).join(", ")}, not ${name}`);
await serveWebSockets(await PostgresStore.connect(process.env["DATABASE_URL"] ?? "", strategy));
