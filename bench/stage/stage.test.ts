import pg from "pg";
import { expect, it } from "vitest";
import { openStage } from "./stage.ts";

it("ends a run whose PostgreSQL ends, though another one comes in its place", async () => {
  const root = new URL("../../", import.meta.url);
  const stage = await openStage({ root, worker: new URL("../load/worker.ts", import.meta.url) });
  try {
    const client = new pg.Client(await stage.database());
    client.on("error", () => undefined); // It is about to lose its server.
    await client.connect();
    const { rows } = await client.query<{ pid: string }>(
      "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid",
    );
    process.kill(Number(rows[0]?.pid), "SIGKILL");
    await expect(stage.death).rejects.toThrow("PostgreSQL ended in the middle of the run");
  } finally {
    await stage.close();
  }
});
