import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { cpuSecondsOf } from "./usage.ts";

const BURN = `const burn = () => { while (process.cpuUsage().user + process.cpuUsage().system < 300_000); };`;
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
    const seconds = cpuSecondsOf(parent.pid ?? 0);
    expect(seconds).toBeGreaterThanOrEqual(0.55);
    expect(seconds).toBeLessThan(2);
  } finally {
    parent.disconnect();
    await once(parent, "exit");
  }
});
