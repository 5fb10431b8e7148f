/** What `usher all` says where it may open few files. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { prepared } from "../../platform/testing/prepared.ts";
import { freePort, Launch, removeDirectory, temporaryDirectory } from "../support/usher-process.ts";

let DATA_DIR: string;
beforeAll(async () => {
  DATA_DIR = await temporaryDirectory();
});
afterAll(() => removeDirectory(DATA_DIR));

/** It ends at once: no database answers there. */
async function said(openFiles: number): Promise<string> {
  const DATABASE_URL = `postgres://127.0.0.1:${await freePort()}/usher`;
  const settings = { HTTP_PORT: "0", WS_PORT: "0", MOCK_GATEWAY_PORT: "0", DATABASE_URL, DATA_DIR, LOG_LEVEL: "warn" };
  const { code, stderr } = await new Launch(["all"], settings, openFiles).ended;
  expect(code).toBe(1);
  return stderr;
}

it("usher all says in one sentence that it may open too few files, and says nothing where they are enough", async () => {
  await prepared();
  expect((await said(1_024)).match(/may have 1024 files and sockets open, too few for .*\(ulimit -n\)/g)).toHaveLength(
    1,
  );
  expect(await said(10_000)).not.toContain("ulimit");
}, 60_000);
