/** Commands that look at what an Usher has, which runs elsewhere, or nowhere. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testEvents, type TestEvents } from "../../platform/events/testing.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import { FaultProxy } from "../faults/fault-proxy.ts";
import { Launch, removeDirectory, temporaryDirectory, usher } from "../support/usher-process.ts";

const TIMEOUT_MS = 60_000;

let t: TestEvents;
let directory: string;
beforeAll(async () => {
  await prepared();
  [t, directory] = [await testEvents(), await temporaryDirectory()];
}, TIMEOUT_MS);
afterAll(async () => {
  await t.close();
  await removeDirectory(directory);
});

describe("usher events --follow", () => {
  it(
    "goes on, after PostgreSQL was away, with all that has happened since, each once",
    async () => {
      const { hostname, port } = new URL(t.url);
      const way = await FaultProxy.to(hostname, Number(port));
      const url = new URL(t.url);
      [url.hostname, url.port] = ["127.0.0.1", String(way.port)];
      await t.tell(["ann"]);
      const follower = new Launch(["events", "--follow"], { DATABASE_URL: url.href, DATA_DIR: directory });
      try {
        await follower.said(/ ann /);
        way.cut();
        await expect.poll(() => follower.stderr).toContain("Trying again every second.");
        await t.tell(["bob"]);
        way.open();
        await follower.said(/ bob /);
        await t.tell(["cyd"]);
        await follower.said(/ cyd /);
        expect(follower.stdout.match(/ (?:ann|bob|cyd) {2}evt_/g)).toHaveLength(3);
        expect(follower.stderr.match(/Trying again/g)).toHaveLength(1);
      } finally {
        follower.child.kill("SIGINT");
        await follower.ended;
        await way.close();
      }
    },
    TIMEOUT_MS,
  );
});

it(
  "whoever stops reading, as `head` does, ends a command quietly",
  async () => {
    await t.tell(Array.from({ length: 300 }, (_, at) => `user-${at}`));
    const events = new Launch(["events", "--limit", "300"], { DATABASE_URL: t.url, DATA_DIR: directory });
    events.child.stdout?.destroy();
    expect(await events.ended).toMatchObject({ code: 0, stderr: "" });
  },
  TIMEOUT_MS,
);

it.each(["events", "events dead", "journal st_premiere"])(
  "usher %s makes no database where there is none, and says where it looked",
  async (command) => {
    const DATA_DIR = join(directory, "mistyped");
    const { code, stdout, stderr } = await usher(command.split(" "), { DATA_DIR });
    expect([code, stdout, stderr]).toEqual([
      1,
      "",
      `There is no database in ${DATA_DIR}: set DATA_DIR to the directory of the Usher that you ask about, or DATABASE_URL.\n`,
    ]);
    expect(existsSync(DATA_DIR)).toBe(false);
  },
  TIMEOUT_MS,
);
