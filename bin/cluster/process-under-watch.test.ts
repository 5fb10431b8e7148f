import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { systemClock, VirtualClock } from "../../platform/clock/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { Leash } from "./leash.ts";
import { ProcessUnderWatch } from "./process-under-watch.ts";

it("programs that are to yield do, all of those that start at once, and none of the others", async () => {
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const leash = new Leash();
  const programs = [5, 5, 5, undefined].map((niceness, at) => {
    const script = "echo ready; exec sleep 60";
    const program = {
      name: `p${at}`,
      command: "sh",
      args: ["-c", script],
      env: {},
      logFile: join(folder, `${at}.log`),
    };
    return new ProcessUnderWatch(
      { ...program, ready: /^ready$/, ...(niceness !== undefined && { niceness }) },
      { clock: systemClock, leash, changed: () => undefined, line: () => undefined },
    );
  });
  await Promise.all(programs.map((program) => program.start()));
  const pids = programs.map(({ pid }) => pid ?? 0);
  expect(pids.map((pid) => getPriority(pid))).toEqual([5, 5, 5, getPriority()]);
  if (existsSync(`/proc/${pids[0]}/autogroup`)) {
    const groups = (): Promise<string[]> =>
      Promise.all(
        pids.map(async (pid) => (await readFile(`/proc/${pid}/autogroup`, "utf8")).trim().split(" ").at(-1) ?? ""),
      );
    await expect.poll(groups).toEqual(["5", "5", "5", "0"]);
  }
  await Promise.all(programs.map((program) => program.stop()));
  leash.close();
  await rm(folder, { recursive: true });
});

it("a program is passed our variables but those that are withheld, and its own", async () => {
  vi.stubEnv("OURS", "ours").stubEnv("SECRET", "s3cret");
  const leash = new Leash();
  const program = {
    name: "p",
    command: "sh",
    args: ["-c", 'echo "$OURS, ${SECRET-nothing}, $OWN"; echo ready; exec sleep 60'],
    env: { OWN: "own" },
    withheld: ["SECRET"],
    logFile: "/dev/null",
    ready: /^ready$/,
  };
  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);
  const watched = new ProcessUnderWatch(program, { clock: systemClock, leash, changed: () => undefined, line });
  await watched.start();
  expect(lines[0]).toBe("ours, nothing, own");
  await watched.stop();
  leash.close();
  vi.unstubAllEnvs();
});

/** Says more than pipes and buffers hold, then that it is ready, then goes on saying it. */
const TALKATIVE = "yes beat | head -n 200000; while sleep 0.02; do echo ready; done";

it.runIf(existsSync("/dev/full"))("one whose log cannot be written runs on, and is heard", async () => {
  const leash = new Leash();
  const program = {
    name: "p",
    command: "sh",
    args: ["-c", TALKATIVE],
    env: {},
    logFile: "/dev/full",
    ready: /^ready$/,
  };
  let heard = 0;
  const line = (): void => void heard++;
  const watched = new ProcessUnderWatch(program, { clock: systemClock, leash, changed: () => undefined, line });
  await watched.start();
  expect(heard).toBeGreaterThan(200_000);
  expect([watched.state, watched.restarts]).toEqual(["ready", 0]);
  await watched.stop();
  leash.close();
});

it("a log whose folder was away is written again once it is back", async () => {
  const clock = new VirtualClock();
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const leash = new Leash();
  const logFile = join(folder, "logs", "p.log");
  const program = { name: "p", command: "sh", args: ["-c", TALKATIVE], env: {}, logFile, ready: /^ready$/ };
  const watched = new ProcessUnderWatch(program, { clock, leash, changed: () => undefined, line: () => undefined });
  await watched.start();
  expect(existsSync(logFile)).toBe(false);
  await mkdir(join(folder, "logs"));
  await clock.advance(1_000);
  await expect.poll(() => readFile(logFile, "utf8").catch(String)).toContain("ready\n");
  await watched.stop();
  leash.close();
  await rm(folder, { recursive: true });
});

it("a log that is too long goes on in a new file, beside which the old one is kept", async () => {
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const leash = new Leash();
  const logFile = join(folder, "p.log");
  await writeFile(logFile, `${"-".repeat(10 * 1024 * 1024)}\n`);
  const program = { name: "p", command: "sh", args: ["-c", TALKATIVE], env: {}, logFile, ready: /^ready$/ };
  const options = { clock: systemClock, leash, changed: () => undefined, line: () => undefined };
  const watched = new ProcessUnderWatch(program, options);
  await watched.start();
  await expect.poll(() => readFile(logFile, "utf8").catch(String)).toMatch(/ready\n$/);
  await watched.stop();
  const [before, after] = await Promise.all([readFile(`${logFile}.1`, "utf8"), readFile(logFile, "utf8")]);
  expect(after).not.toContain("-");
  expect(`${before}${after}`.match(/beat\n/g)?.length).toBe(200_000); // Nothing is lost in between.
  leash.close();
  await rm(folder, { recursive: true });
});

it("one that ended is left for as long as it says, and then started again", async () => {
  const clock = new VirtualClock();
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const leash = new Leash();
  const program = {
    name: "p",
    command: "sh",
    args: ["-c", "echo ready; exec sleep 600"],
    env: {},
    logFile: join(folder, "log"),
    ready: /^ready$/,
    againMs: 1500,
  };
  const watched = new ProcessUnderWatch(program, { clock, leash, changed: () => undefined, line: () => undefined });
  await watched.start();
  await clock.advance(60_000); // It has run for long.
  process.kill(watched.pid ?? 0, "SIGKILL");
  await expect.poll(() => watched.state).toBe("ended");
  await clock.advance(1_499);
  expect([watched.state, watched.restarts]).toEqual(["ended", 0]);
  await clock.advance(1);
  await expect.poll(() => [watched.state, watched.restarts]).toEqual(["ready", 1]);
  await watched.stop();
  leash.close();
  await rm(folder, { recursive: true });
});

it("one of many that ends before it serves is spoken of with its own log", async () => {
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const leash = new Leash();
  const watched = [1, 10].map((at) => {
    const name = `engine-${at}`;
    const args = ["-c", at === 10 ? "exit 3" : "echo ready; exec sleep 600"];
    const program = { name, command: "sh", args, env: {}, logFile: join(folder, `${name}.log`), ready: /^ready$/ };
    const options = { clock: systemClock, leash, changed: () => undefined, line: () => undefined };
    return new ProcessUnderWatch(program, options);
  });
  const message = `engine-10 ended with 3:  (its log is ${join(folder, "engine-10.log")})`;
  await expect(Promise.all(watched.map((each) => each.start()))).rejects.toThrow(new ExplainedError(message));
  await Promise.all(watched.map((each) => each.stop()));
  leash.close();
  await rm(folder, { recursive: true });
});
