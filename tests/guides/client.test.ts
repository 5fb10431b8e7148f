/** The code of docs/guides/client.md, as a reader would take it over. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { boxOffice } from "../support/box-office.ts";
import { Guide, ROOT, withPort } from "./guide.ts";

const run = promisify(execFile);

const guide = new Guide("client");
const [inShort = "", kiosk = ""] = guide.blocks("ts");
/** Within the repository, where what the code imports is found. */
const folder = mkdtempSync(join(ROOT, "node_modules/.guides-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const office = boxOffice();

/** The code, where it lies here and for the addresses that it is given. */
function write(name: string, code: string): string {
  const file = join(folder, name);
  const here = withPort(code, office.usher.httpPort);
  writeFileSync(file, here.replaceAll("./client/index.ts", join(ROOT, "client/index.ts")));
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
  const [, options] = /`npx esbuild app\.ts (.*) --outfile=app\.mjs`/.exec(guide.text) ?? [];
  const [app, bundle] = [write("app.ts", inShort), join(folder, "app.mjs")];
  await run(join(ROOT, "node_modules/.bin/esbuild"), [app, ...(options?.split(" ") ?? []), `--outfile=${bundle}`]);
  const { stdout } = await run(process.execPath, [bundle]);
  expect(stdout).toMatch(/^\[ \d+, \d+ \] \d+(\.\d+)?$/m);
  expect(stdout).toMatch(/\{ seat: \d+, before: 0, status: 1 \}/);
});
