#!/usr/bin/env node
/** `npm run bench`: prepares what is missing, the benches' own packages among it, then becomes `bench/main.ts`. */
import { prepare, ROOT } from "../tools/prepare.mjs";
import { run } from "../tools/stop.mjs";

await run(() => prepare({ dev: true }));
process.setSourceMapsEnabled(true);
await import(new URL("dist/bench/main.js", ROOT).href);
