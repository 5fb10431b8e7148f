/**
 * Rows in PostgreSQL's binary form of COPY (https://www.postgresql.org/docs/current/sql-copy.html, Binary Format). Bytes come as they are, where
 * pg has them as text else: twice as many, which are made a string before they are bytes again.
 */
import pg from "pg";

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** Behind it the flags and the length of an extension, four bytes each. */
const HEADER_BYTES = SIGNATURE.length + 8;
/** In place of a row's count of fields. */
const END = -1;

/** A row's fields, in the order in which they were asked for; undefined for null. */
type CopiedRow = readonly (Buffer | undefined)[];

/** @param select without parameters, which COPY has none of: whatever stands in it is ours, not a stranger's. */
export async function copyOut(on: pg.Pool | pg.PoolClient, select: string): Promise<CopiedRow[]> {
  const copy = new Copy(`COPY (${select}) TO STDOUT (FORMAT binary)`);
  await new Promise<void>((resolve, reject) => {
    const over = (error?: Error | null): void => (error ? reject(error) : resolve());
    // pg takes the callback of a query of a class of its own so; its types say it of others alone.
    (on.query as (query: Copy, values: undefined, callback: typeof over) => unknown).call(on, copy, undefined, over);
  });
  return rowsOf(Buffer.concat(copy.pieces));
}

class Copy extends pg.Query {
  readonly pieces: Buffer[] = [];

  /** Called by pg, whose types do not say so. The chunk is a part of its buffer, which it writes over. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.pieces.push(Buffer.from(chunk));
  }
}

function rowsOf(bytes: Buffer): CopiedRow[] {
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE))
    throw new Error("PostgreSQL's COPY does not begin as one");
  const rows: CopiedRow[] = [];
  let at = HEADER_BYTES + bytes.readInt32BE(HEADER_BYTES - 4);
  for (;;) {
    const count = bytes.readInt16BE(at);
    at += 2;
    if (count === END) return rows;
    const row: (Buffer | undefined)[] = [];
    for (let left = count; left > 0; left--) {
      const length = bytes.readInt32BE(at);
      at += 4;
      row.push(length < 0 ? undefined : bytes.subarray(at, at + length));
      at += Math.max(0, length);
    }
    rows.push(row);
  }
}
