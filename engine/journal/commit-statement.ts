/**
 * The statement of a commit: all rows of a batch, each behind its shard's fence.
 *
 * It locks the shard's row `FOR SHARE` while it compares the epoch, so a claim (an `UPDATE` of that row) waits for it, and it for a
 * claim: there is no instant at which an older writer may still write unseen. The primary key of the journal alone would not do, since
 * rows that snapshots cover are deleted and a writer that slept could write one again.
 */
import { crc32 } from "node:zlib";
import type pg from "pg";
import type { ShardCommit } from "./journal.ts";

/** All rows of a commit travel as one binary parameter, cut up by offset and length: no array of bytea in text form. */
const BATCH_AND_FENCE = `
  WITH batch AS (
    SELECT * FROM unnest($1::int[], $2::int8[], $3::int8[], $4::int8[], $5::int[], $6::int[], $7::int8[])
      AS b(shard, seq, epoch, at, start, length, checksum)
  ), fence AS MATERIALIZED (
    SELECT s.shard FROM engine.shard s JOIN batch b ON b.shard = s.shard AND b.epoch = s.epoch
    ORDER BY s.shard FOR SHARE OF s
  )`;

const INSERT_ROWS = `
  INSERT INTO engine.journal (shard, seq, epoch, at, events, checksum)
  SELECT b.shard, b.seq, b.epoch, b.at, substring($8::bytea FROM b.start + 1 FOR b.length), b.checksum
  FROM batch b JOIN fence USING (shard)
  RETURNING shard`;

const COMMIT = `${BATCH_AND_FENCE} ${INSERT_ROWS}`;

/** The same, with the seats that changed their booking: the primary key of `booked_seat` refuses a seat's second booking. */
const COMMIT_WITH_BOOKINGS = `${BATCH_AND_FENCE}, change AS (
    SELECT c.* FROM unnest($9::int[], $10::text[], $11::int[], $12::text[], $13::text[])
      AS c(shard, showtime, seat, before, after) JOIN fence USING (shard)
  ), freed AS (
    DELETE FROM engine.booked_seat t USING change c
    WHERE c.after IS NULL AND t.showtime_id = c.showtime AND t.seat = c.seat AND t.booking_id = c.before RETURNING 1
  ), moved AS (
    UPDATE engine.booked_seat t SET booking_id = c.after FROM change c
    WHERE c.before IS NOT NULL AND t.showtime_id = c.showtime AND t.seat = c.seat AND t.booking_id = c.before
      AND c.after IS NOT NULL RETURNING 1
  ), taken AS (
    INSERT INTO engine.booked_seat (showtime_id, seat, booking_id)
    SELECT c.showtime, c.seat, c.after FROM change c WHERE c.before IS NULL AND c.after IS NOT NULL RETURNING 1
  ), written AS (${INSERT_ROWS})
  SELECT w.shard, engine.expect_rows(
    (SELECT count(*) FROM freed) + (SELECT count(*) FROM moved) + (SELECT count(*) FROM taken),
    (SELECT count(*) FROM change)) FROM written w`;

/** Writes the rows of shards whose epoch is still the one that they name; it answers with their numbers. */
export function commitStatement(commits: readonly ShardCommit[]): pg.QueryConfig {
  const starts: number[] = [];
  let length = 0;
  for (const commit of commits) {
    starts.push(length);
    length += commit.events.length;
  }
  const values: unknown[] = [
    numbers(commits.map((commit) => commit.shard)),
    numbers(commits.map((commit) => commit.seq)),
    numbers(commits.map((commit) => commit.epoch)),
    numbers(commits.map((commit) => commit.at)),
    numbers(starts),
    numbers(commits.map((commit) => commit.events.length)),
    numbers(commits.map((commit) => crc32(commit.events))),
    Buffer.concat(
      commits.map((commit) => commit.events),
      length,
    ),
  ];
  const changes = commits.flatMap(({ shard, bookedSeats }) => bookedSeats.map((change) => ({ shard, ...change })));
  if (changes.length === 0) return { name: "commit", text: COMMIT, values };
  values.push(
    numbers(changes.map((change) => change.shard)),
    changes.map((change) => change.showtime),
    numbers(changes.map((change) => change.seat)),
    changes.map((change) => change.before),
    changes.map((change) => change.after),
  );
  return { name: "commit-with-bookings", text: COMMIT_WITH_BOOKINGS, values };
}

/** An array as PostgreSQL reads it. pg, which escapes each element, takes three times as long for a batch of many shards. */
const numbers = (list: readonly number[]): string => `{${list.join(",")}}`;
