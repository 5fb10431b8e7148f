import { expect, it } from "vitest";
import { holderId, type RequestId, showtimeId } from "../proto/index.ts";
import { audit } from "./audit.ts";
import { type Journal, JournalDamaged, type JournalRow } from "./journal/index.ts";
import { RowWriter } from "./shard/row-codec.ts";

const SHOWTIME = showtimeId("s1");
const LAST = 6;

function rowOf(seq: number): JournalRow {
  const row = new RowWriter();
  row.add(SHOWTIME, 0, { type: "closed", at: seq, holder: holderId("admin"), rid: "r" as RequestId }); // Short enough.
  return { shard: 0, seq, epoch: 1, at: seq, events: row.take() };
}

/** What is asked of a journal, whose rows up to `gone` go before the row `before` is read. */
function shrinking(gone: number, before: number): Journal {
  let oldest = 1;
  const asked: Pick<Journal, "oldestRow" | "rows"> = {
    oldestRow: () => Promise.resolve(oldest),
    async *rows(_shard, after) {
      for (let seq = after + 1; seq <= LAST; seq++) {
        if (seq === before) oldest = gone + 1;
        if (seq < oldest) throw new JournalDamaged(`row ${seq} is missing`);
        yield rowOf(seq);
      }
    },
  };
  return asked as Journal; // An audit asks for nothing else.
}

async function rowsIn(journal: Journal): Promise<number[]> {
  const rows: number[] = [];
  for await (const { row } of audit(journal, SHOWTIME, 1)) rows.push(row);
  return rows;
}

it("goes on with the rows that are left when the oldest are deleted meanwhile, by a shard that takes a snapshot", async () => {
  expect(await rowsIn(shrinking(3, 1))).toEqual([4, 5, 6]);
  expect(await rowsIn(shrinking(4, 3))).toEqual([1, 2, 5, 6]);
});

it("says that rows are missing where nobody deleted them", async () => {
  const journal = shrinking(0, 0);
  const damaged: Journal = {
    ...journal,
    rows: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new JournalDamaged("row 2 is missing")) }),
    }),
  };
  await expect(rowsIn(damaged)).rejects.toThrow("row 2 is missing");
});
