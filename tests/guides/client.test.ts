/** The code of docs/guides/client.md, as a reader would take it over. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { boxOffice } from "../support/box-office.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

const guide = readFileSync(join(ROOT, "docs/guides/client.md"), "utf8");
const [inShort = "", kiosk = ""] = [...guide.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code);
/** Within the repository, where what the code imports is found. */
const folder = mkdtempSync(join(ROOT, "node_modules/.guides-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const office = boxOffice();

/** The code, where it lies here and for the addresses that it is given. */
function write(name: string, code: string): string {
  const file = join(folder, name);
  const here = code
    .replaceAll("./client/index.ts", join(ROOT, "client/index.ts"))
    .replaceAll("http://127.0.0.1:8080", `http://127.0.0.1:${office.usher.httpPort}`);
  writeFileSync(file, here);
  return file;
}

it("passes the compiler", async () => {
  const given = ["deviceId: string", "secret: string", "token: string", "key: string", "booking: { id: string }"]
    .map((variable) => `declare const ${variable};`)
    .join("\n");
  write("in-short.mts", inShort);
  const imports = 'import { WebSocket } from "ws";\nimport { RestClient, UsherClient } from "./client/index.ts";\n';
  const rest = "declare const rest: RestClient;\n";
  write("kiosk.mts", `${imports}${rest}${given}\n${kiosk}\nawait kiosk.connect();\n`);
  const tsconfig = { extends: join(ROOT, "tsconfig.json"), include: ["*.mts"], exclude: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  const said = await run(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]).catch((error: unknown) => error);
  expect(said).toEqual({ stdout: "", stderr: "" });
});

it("is bundled as the guide says, and holds seats that it sees change", async () => {
  const [, options] = /`npx esbuild app\.ts (.*) --outfile=app\.mjs`/.exec(guide) ?? [];
  const [app, bundle] = [write("app.ts", inShort), join(folder, "app.mjs")];
  await run(join(ROOT, "node_modules/.bin/esbuild"), [app, ...(options?.split(" ") ?? []), `--outfile=${bundle}`]);
  const { stdout } = await run(process.execPath, [bundle]);
  expect(stdout).toMatch(/^\[ \d+, \d+ \] \d+(\.\d+)?$/m);
  expect(stdout).toMatch(/\{ seat: \d+, before: 0, status: 1 \}/);
});
