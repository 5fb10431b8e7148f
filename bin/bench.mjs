#!/usr/bin/env node
/** `npm run bench`: prepares what is missing, the benches' own packages among it, then hands over to `bench/main.ts`. */
import { prepare, ROOT } from "../tools/prepare.mjs";
import { run } from "../tools/stop.mjs";

await run(() => prepare({ dev: true }));
process.setSourceMapsEnabled(true);
const { bench } = await import(new URL("dist/bench/main.js", ROOT).href);
const worker = new URL("dist/bench/load/worker.js", ROOT);
process.exit(await bench(process.argv.slice(2), { root: ROOT, worker }));
