import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { testDatabase } from "../../platform/postgres/testing.ts";

it("usher gateway starts and stops in good order though nobody reads what it prints any more", async () => {
  const database = await testDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "usher-gateway-"));
  const settings = { DATABASE_URL: database.url, DATA_DIR: dataDir, MOCK_GATEWAY_PORT: "0" };
  const child = spawn(process.execPath, [fileURLToPath(new URL("../usher.mjs", import.meta.url)), "gateway"], {
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    child.stdout.destroy();
    const ended = once(child, "close");
    const log: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      log.push(line);
      if (line.includes('"started"')) child.kill("SIGTERM");
    }
    expect(await ended, log.join("\n")).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
    rmSync(dataDir, { recursive: true });
    await database.drop();
  }
});
