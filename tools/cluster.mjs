/** `npm run cluster`: has what it needs, then becomes `usher cluster`. Arguments go to it. */
import { prepare, ROOT } from "./prepare.mjs";
import { ensurePrograms, PROGRAMS } from "./programs.mjs";
import { run } from "./stop.mjs";

await run(async () => {
  await prepare();
  await ensurePrograms(PROGRAMS.filter(({ name }) => ["NATS", "Redis", "HAProxy"].includes(name)));
});
process.setSourceMapsEnabled(true);
process.argv.splice(2, 0, "cluster");
await import(new URL("dist/bin/usher.js", ROOT).href);
