import type { Kysely } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLogger } from "../log/index.ts";
import { BuiltOnce, createDatabase, createPool } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

interface Tables {
  shelf: { n: number; label: string | null };
}

let database: TestDatabase;
let db: Kysely<Tables>;
beforeAll(async () => {
  database = await testDatabase();
  const log = createLogger({ name: "test", level: "silent" });
  db = createDatabase<Tables>(createPool({ connectionString: database.url, max: 1, name: "test", log }));
  await db.schema.createTable("shelf").addColumn("n", "integer").addColumn("label", "text").execute();
  await db
    .insertInto("shelf")
    .values(["a", "b"].map((label, n) => ({ n, label })))
    .execute();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

test("a statement is built once for each shape, and carried out with the values of each time", async () => {
  const statements = new BuiltOnce();
  const built: string[] = [];
  const relabel = async (n: number, changes: { label: string | null } | { n: number }) => {
    const shape = Object.keys(changes).join();
    const update = statements.with(shape, [...Object.values(changes), n], () => {
      built.push(shape);
      return db.updateTable("shelf").set(changes).where("n", "=", n).returningAll();
    });
    return (await db.executeQuery(update)).rows;
  };
  expect(await relabel(0, { label: "first" })).toEqual([{ n: 0, label: "first" }]);
  expect(await relabel(1, { label: null })).toEqual([{ n: 1, label: null }]);
  expect(await relabel(1, { n: 2 })).toEqual([{ n: 2, label: null }]);
  expect(await relabel(0, { label: "again" })).toEqual([{ n: 0, label: "again" }]);
  expect(built).toEqual(["label", "n"]);
});

test("whoever gives other values than it has is told", () => {
  const find = () => db.selectFrom("shelf").selectAll().where("n", "=", 1);
  expect(() => new BuiltOnce().with("find", [], find)).toThrow('"find" has other values');
});
