import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { procUsage } from "./proc-usage.ts";
import { psUsage, secondsOfTime } from "./ps-usage.ts";
import { cpuSecondsOf, residentBytesOf } from "./usage.ts";

/** Longer than the whole seconds that `ps` tells here. */
const BURN = `const burn = () => { while (process.cpuUsage().user + process.cpuUsage().system < 1_200_000); };`;
/** Says so once both have burnt theirs; the child still lives, and has not been waited for. */
const CHILD = `${BURN} burn(); process.send("burnt"); setInterval(() => {}, 1_000); process.on("disconnect", () => process.exit());`;
const PARENT = `${BURN} burn();
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(CHILD)}], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.on("message", () => process.send("burnt"));
  process.on("disconnect", () => process.exit());`;

it.runIf(process.platform === "linux")("a process is charged with what it burns and what its child burns", async () => {
  const parent = spawn(process.execPath, ["-e", PARENT], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  try {
    await once(parent, "message");
    const pid = parent.pid ?? 0;
    const [before = 0, told = 0, after = 0] = [procUsage, psUsage, procUsage].map((usage) => usage.cpuSecondsOf(pid));
    expect(before).toBeGreaterThanOrEqual(2.3);
    expect(before).toBeLessThan(5);
    // Of each of the two whole seconds are told.
    expect(told).toBeGreaterThanOrEqual(2);
    expect(told).toBeGreaterThan(before - 2);
    expect(told).toBeLessThanOrEqual(after);
    const [resident = 0, toldResident = 0] = [procUsage, psUsage].map((usage) => usage.residentBytesOf(pid));
    expect(resident).toBeGreaterThan(1e7);
    expect(Math.abs(toldResident - resident)).toBeLessThan(resident / 4);
  } finally {
    parent.disconnect();
    await once(parent, "exit");
  }
});

it.each([
  ["00:07", 7],
  ["0:00.25", 0.25],
  ["75:03.50", 4_503.5],
  ["01:02:03", 3_723],
  ["2-00:00:01", 172_801],
])("%s of CPU are %d seconds", (time, seconds) => {
  expect(secondsOfTime(time)).toBe(seconds);
});

it("nothing is told of a process that is not there", () => {
  const nobody = 2 ** 22 + 1; // Linux has no such ids, and macOS fewer.
  for (const usage of [procUsage, psUsage]) {
    expect([usage.cpuSecondsOf(nobody), usage.residentBytesOf(nobody)]).toEqual([undefined, undefined]);
  }
});

it("it is told from /proc where there is one", () => {
  const isLinux = process.platform === "linux";
  expect({ cpuSecondsOf, residentBytesOf }).toEqual(isLinux ? procUsage : psUsage);
});
