/** `node --import ./tools/typescript.mjs FILE.ts`: runs TypeScript as it stands, for the child processes of tests. */
import { register } from "node:module";

register("./typescript-hooks.mjs", import.meta.url);
