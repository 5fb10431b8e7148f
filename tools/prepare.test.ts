/** The way from a bare checkout to a running command, in a copy of this one with another's npm and docker. */
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** All that a start needs which does not get as far as a build; the rest is what is built. */
const TOOLS = ["bin", "tools", "package.json", "package-lock.json"];
const SOURCES = ["proto", "platform", "engine", "edge", "services", "client", "bench", "web"];
/** What the peers of the benches have installed is large, and of no use here. */
const COPY = { recursive: true, filter: (path: string) => !path.endsWith("node_modules") };
const VERSION = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;

let folder: string;
let checkout: string;
let calls: string;
/** As the first test has left its checkout: installed and built. */
let built: string;

beforeAll(() => {
  built = mkdtempSync(join(tmpdir(), "usher-built-"));
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "usher-checkout-"));
  checkout = join(folder, "usher");
  calls = join(folder, "calls");
  for (const name of TOOLS) cpSync(join(ROOT, name), join(checkout, name), COPY);
  mkdirSync(join(folder, "commands"));
  command("npm", `ln -s '${join(ROOT, "node_modules")}' '${join(checkout, "node_modules")}'`);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** With all sources, and with what was built of them where that was done before. */
async function useBuilt(): Promise<void> {
  if (existsSync(join(built, "dist"))) cpSync(built, checkout, { recursive: true, verbatimSymlinks: true });
  else copySources();
  await usher();
  rmSync(calls, { force: true });
}

function copySources(): void {
  for (const name of SOURCES) cpSync(join(ROOT, name), join(checkout, name), COPY);
}

/** Puts a command of ours first on the PATH: notes how it was called, then does `script`. */
function command(name: string, script: string): void {
  const file = join(folder, "commands", name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> '${calls}'\n${script}\n`);
  chmodSync(file, 0o755);
}

const called = (): string[] => (existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : []);

interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(...args: string[]): Promise<Ending> {
  const path = `${join(folder, "commands")}:${process.env["PATH"]}`;
  const child = spawn(process.execPath, args, { cwd: folder, env: { PATH: path } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const usher = (): Promise<Ending> => node(join(checkout, "bin/usher.mjs"), "--version");

test("the first of two that start at once installs and builds, and both run; later ones find all as it should be", async () => {
  copySources();
  const both = await Promise.all([usher(), usher()]);
  for (const { code, stdout, stderr } of both)
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  expect(called()).toEqual(["npm ci --omit=dev --no-audit --no-fund --loglevel=error"]);
  expect(both.filter(({ stderr }) => stderr.includes("Building"))).toHaveLength(1);
  expect((await usher()).stderr).toBe("");
  cpSync(checkout, built, { recursive: true, verbatimSymlinks: true });
});

test("a changed source is built again; one that does not build says so, and leaves what was built", async () => {
  await useBuilt();
  const source = join(checkout, "bin/usher.ts");
  const sound = readFileSync(source, "utf8");
  writeFileSync(source, `${sound}console.log("changed");\n`);
  expect((await usher()).stderr).toContain("Building");
  const built = readFileSync(join(checkout, "dist/bin/usher.js"), "utf8");
  writeFileSync(source, `${sound}}\n`);
  const { code, stderr } = await usher();
  expect(code).toBe(1);
  expect(stderr).toMatch(/The build failed: see above\.\n$/);
  expect(readFileSync(join(checkout, "dist/bin/usher.js"), "utf8")).toBe(built);
});

test("packages that are not those of the lock file are installed anew", async () => {
  const lock = join(checkout, "package-lock.json");
  await useBuilt();
  rmSync(join(checkout, "node_modules"));
  const text = readFileSync(lock, "utf8");
  writeFileSync(lock, text.replace(/("node_modules\/pino": \{\s+"version": )"[^"]+"/, '$1"0.0.1"'));
  await usher();
  expect(called().filter((line) => line.startsWith("npm ci"))).toHaveLength(1);
});

test("an npm that fails ends the start with one sentence", async () => {
  command("npm", "exit 1");
  const { code, stderr } = await usher();
  expect(code).toBe(1);
  expect(stderr).toMatch(/"npm ci" failed: see above, correct it, and try again\.\n$/);
});

test("a program that tests need comes from a container image where nothing else has it", async () => {
  const shared = { name: "Example", usedBy: "tools", commands: ["usher-example"], image: "example:1" };
  const program = { ...shared, env: ["EXAMPLE_PORT", "EXAMPLE_PASSWORD"] };
  const ensure = `import { ensurePrograms } from "${join(checkout, "tools/programs.mjs")}";
    import { spawnSync } from "node:child_process";
    await ensurePrograms([${JSON.stringify(program)}]);
    const start = (port, more) =>
      spawnSync("usher-example", ["--port", port], { env: { ...process.env, EXAMPLE_PASSWORD: "hunter2", ...more } });
    start("1", { DATA_DIR: "/usr" });
    start("1", { DATA_DIR: "." });
    start("2", {});`;
  mkdirSync(join(checkout, "node_modules"));
  command("docker", `[ $1 != run ] || echo "docker has $EXAMPLE_PASSWORD" >> '${calls}'`);
  const { code, stderr } = await node("--input-type=module", "--eval", ensure);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(called()[0]).toBe("docker pull --quiet example:1");
  const [remove, run, has, removeAgain, runAgain, , removeAnother] = called().slice(1);
  expect(run).toMatch(
    /^docker run .* --env EXAMPLE_PORT --env EXAMPLE_PASSWORD --entrypoint usher-example example:1 --port 1$/,
  );
  expect(run).not.toContain("hunter2");
  expect(has).toBe("docker has hunter2");
  // As who starts it, who alone may read what it is given, and with a data directory that lies elsewhere.
  expect(run).toContain(` --user ${process.getuid?.()}:${process.getgid?.()} `);
  expect(run).toContain(" --volume /usr:/usr ");
  expect(runAgain).not.toContain("/usr:");
  // One that outlived its command goes before the next of the same kind starts, and no other does.
  const [, name] = / --name (\S+) /.exec(run ?? "") ?? [];
  expect(remove).toBe(`docker rm --force ${name}`);
  expect(removeAgain).toBe(remove);
  expect(removeAnother).toMatch(/^docker rm --force usher-usher-example-\d+$/);
  expect(removeAnother).not.toBe(remove);
});

test("a program that cannot be had is named with the way to get it", async () => {
  const program = { name: "Example", usedBy: "tools", commands: ["usher-example"] };
  const ensure = `import { ensurePrograms } from "${join(checkout, "tools/programs.mjs")}";
    import { run } from "${join(checkout, "tools/stop.mjs")}";
    await run(() => ensurePrograms([${JSON.stringify(program)}]));`;
  const { code, stderr } = await node("--input-type=module", "--eval", ensure);
  expect(code).toBe(1);
  expect(stderr).toMatch(/Example is needed, and not here: install it so that "usher-example" is on the PATH/);
});
