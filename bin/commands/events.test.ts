import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testEvent, testEvents, type TestEvents } from "../../platform/events/testing.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import type { Context } from "../context.ts";
import { eventsCommand } from "./events.ts";

let t: TestEvents;
beforeEach(async () => {
  t = await testEvents();
});
afterEach(() => t.close());

/** Runs `usher events ...` and gives what it printed. */
async function usherEvents(
  args: readonly string[],
  databaseUrl = t.url,
  lines: string[] = [],
  options: { replayWaitMs?: number } = {},
): Promise<string[]> {
  const context: Context = {
    env: { DATABASE_URL: databaseUrl },
    dist: new URL("file:///"),
    version: "0.0.0",
    print: (line) => void lines.push(line),
  };
  const command = eventsCommand(context, options);
  await command.exitOverride().parseAsync([...args], { from: "user" });
  return lines;
}

/** A dead letter of each. */
async function kill(userIds: readonly string[]): Promise<string[]> {
  for (const userId of userIds) {
    const event = testEvent("user.deleted", userId, { userId }, `evt_${userId}`);
    await t.deadLetters.add({ consumer: "tickets", event, error: new Error(`no ${userId}`), attempts: 8 });
  }
  return (await t.deadLetters.list({ limit: 100 })).map(({ id }) => id).reverse();
}

describe("usher events", () => {
  it("prints the newest events, by subject and type, and lets nobody write to the terminal", async () => {
    await t.tell(["ann", "bob", "cyd \u001b[31m \u202e\u0000"]);
    const lines = await usherEvents([]);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}user\.deleted +ann {2}evt_[\w-]+ {2}\{"userId":"ann"\} {2}\(not published yet\)$/,
    );
    expect(lines[2]).toContain(String.raw`cyd \u001b[31m \u{202e}\u0000`);
    expect(await usherEvents(["--subject", "bob"])).toEqual([lines[1]]);
    expect(await usherEvents(["--type", "booking.created"])).toEqual(["No events."]);
    expect(await usherEvents(["--limit", "1"])).toEqual([lines[2]]);
    await expect(usherEvents(["--type", "booking.exploded"])).rejects.toThrow("There are no events of type");
  });

  it("goes on with what happens from now on, not with what is older than the newest that were asked for", async () => {
    await t.tell(["ann", "bob", "cyd"]);
    const lines: string[] = [];
    const hasEnded = expect(usherEvents(["--limit", "1", "--follow"], t.url, lines)).rejects.toThrow("event");
    await expect.poll(() => lines.length).toBe(1);
    await t.tell(["dan"]);
    await expect.poll(() => lines.join()).toContain("dan");
    await t.pool.query("alter table shop.outbox drop column event"); // It ends with an error.
    await hasEnded;
    expect(lines.map((line) => /"userId":"(\w+)"/.exec(line)?.[1])).toEqual(["cyd", "dan"]);
  });

  it("prints dead letters, and why they are dead", async () => {
    expect(await usherEvents(["dead"])).toEqual(["No dead letters."]);
    const [id] = await kill(["ann"]);
    const lines = await usherEvents(["dead"]);
    expect(lines[0]).toMatch(new RegExp(`^${id}  .*  tickets failed 8 times: Error: no ann$`));
    expect(lines[1]).toBe('    user.deleted  ann  evt_ann  {"userId":"ann"}');
  });

  it("replays through the Usher that runs, and tells how it went", async () => {
    const [ann, bob] = await kill(["ann", "bob"]);
    const stream = t.newStream();
    const handled: string[] = [];
    stream.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: async ({ subject }) => {
        handled.push(subject);
        if (subject === "bob") throw new Error("still no bob");
      },
    });
    stream.start();
    expect(await usherEvents(["replay", "--all"])).toEqual([
      `${ann}  replayed`,
      `${bob}  failed again: Error: still no bob`,
    ]);
    expect(handled.sort()).toEqual(["ann", "bob"]);
    await stream.stop();
  });

  it("says so when no Usher runs, and the next one replays", async () => {
    const [ann = ""] = await kill(["ann"]);
    // Nobody is there to come late.
    expect(await usherEvents(["replay", ann], t.url, [], { replayWaitMs: 2_000 })).toEqual([
      `${ann}  waits: no running Usher has taken it yet, the next one will`,
    ]);
    expect((await usherEvents(["dead"]))[0]).toContain("waits to be replayed");
    const stream = t.newStream();
    stream.consume({ name: "tickets", types: ["user.deleted"], handle: async () => {} });
    stream.start();
    await expect.poll(() => t.deadLetters.count()).toBe(0);
    await stream.stop();
  });

  it("discards", async () => {
    const [ann = "", bob = ""] = await kill(["ann", "bob"]);
    expect(await usherEvents(["discard", ann])).toEqual([`${ann}  discarded`]);
    expect((await t.deadLetters.list({ limit: 9 })).map(({ id }) => id)).toEqual([bob]);
  });

  it.each([
    [["replay"], "Say which"],
    [["replay", "99"], "There is no dead letter 99."],
    [["discard", "99"], "There is no dead letter 99."],
    [["replay", "1; drop table"], "cannot be a dead letter's id"],
  ])("refuses %j", async (args, message) => {
    await expect(usherEvents(args)).rejects.toThrow(message);
  });

  it("explains a database without Usher's tables", async () => {
    const empty = await testDatabase();
    for (const args of [[], ["dead"]]) await expect(usherEvents(args, empty.url)).rejects.toThrow("npx usher migrate");
    await empty.drop();
  });
});
