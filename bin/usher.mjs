#!/usr/bin/env node
/** The `usher` command on a fresh checkout too: prepares what is missing, then becomes `bin/usher.ts`. */
import { prepare, ROOT } from "../tools/prepare.mjs";
import { run } from "../tools/stop.mjs";

await run(prepare);
process.setSourceMapsEnabled(true);
await import(new URL("dist/bin/usher.js", ROOT).href);
