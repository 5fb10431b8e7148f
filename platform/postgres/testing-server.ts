import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { systemClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { startEmbedded } from "./embedded/index.ts";

/** Vitest calls this once per run, before any test, and what it returns after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-test-"));
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  // A run that is broken off ends the server too, see `ServerKeeper`.
  process.once("exit", remove);
  try {
    const server = await startEmbedded({
      dataDir,
      log: createLogger({ name: "tests", level: "warn" }),
      clock: systemClock,
    });
    project.provide("postgresUrl", server.url);
    return async () => {
      await server.stop();
      remove();
    };
  } catch (error) {
    remove();
    throw error;
  }
}
