import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../clock/index.ts";
import { OutboxLead } from "./outbox-lead.ts";
import { type OutboxRig, outboxRig } from "./testing.ts";

let rig: OutboxRig;
beforeEach(async () => {
  rig = await outboxRig();
});
afterEach(() => rig.close());

it("has its statements planned once, and by indexes though the table is small", async () => {
  const connection = await rig.t.pool.connect();
  try {
    const lead = await OutboxLead.of(connection, "shop", systemClock);
    const outbox = rig.newOutbox(rig.streamThat());
    for (let at = 0; at < 8; at++) {
      await rig.add(outbox, `u${at}`);
      for (const { id } of await lead.read([], [], 10)) {
        expect(await lead.isEarly(id)).toBe(false);
        await lead.mark(id);
      }
    }
    const { rows: plans } = await connection.query<{ name: string; custom: string }>(
      "select name, custom_plans as custom from pg_prepared_statements where name like 'outbox.%' order by 1",
    );
    expect(plans).toEqual(["early", "mark", "read"].map((name) => ({ name: `outbox.${name}`, custom: "0" })));
    const { rows: lines } = await connection.query<Record<string, string>>(
      `explain execute "outbox.mark" (now(), '{1}')`,
    );
    expect(lines.map((line) => line["QUERY PLAN"]).join()).toMatch(/Index/);
  } finally {
    connection.release(true);
  }
});

it("looks for earlier events of other outboxes by subject, also where nothing waited when that was planned", async () => {
  const connection = await rig.t.pool.connect();
  try {
    for (const schema of ["shop", "till"]) {
      await connection.query(
        `insert into ${schema}.outbox (type, subject, event, created_at, published_at)
         select 'user.deleted', 'u' || n, '{}', now(), now() from generate_series(1, 3000) n`,
      );
      await connection.query(`analyze ${schema}.outbox`);
    }
    const lead = await OutboxLead.of(connection, "shop", systemClock);
    await lead.read([], [], 10);
    const { rows } = await connection.query<Record<string, string>>(`explain execute "outbox.read" ('{}', '{}', 500)`);
    expect(rows.map((line) => line["QUERY PLAN"]).join("\n")).toMatch(/outbox_by_subject on outbox other/);
  } finally {
    connection.release(true);
  }
});
