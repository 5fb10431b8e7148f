import { type Kysely, type Migration, sql } from "kysely";

const first: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`
      CREATE TABLE engine.cluster (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        id       uuid NOT NULL DEFAULT gen_random_uuid(),
        shards   int NOT NULL CHECK (shards > 0)
      )`.execute(db);
    await sql`
      CREATE TABLE engine.shard (
        shard int PRIMARY KEY,
        epoch bigint NOT NULL
      )`.execute(db);
    await sql`
      CREATE TABLE engine.journal (
        shard    int NOT NULL,
        seq      bigint NOT NULL,
        epoch    bigint NOT NULL,
        at       bigint NOT NULL,
        events   bytea NOT NULL,
        checksum bigint NOT NULL,
        PRIMARY KEY (shard, seq)
      )`.execute(db);
    // Events are packed already: compressing them again would cost the hot path and gain nothing.
    await sql`ALTER TABLE engine.journal ALTER COLUMN events SET STORAGE EXTERNAL`.execute(db);
    await sql`
      CREATE TABLE engine.snapshot (
        shard    int NOT NULL,
        seq      bigint NOT NULL,
        taken_at timestamptz NOT NULL DEFAULT now(),
        bytes    bytea NOT NULL,
        checksum bigint NOT NULL,
        PRIMARY KEY (shard, seq)
      )`.execute(db);
    await sql`
      CREATE TABLE engine.booked_seat (
        showtime_id text NOT NULL,
        seat        int NOT NULL,
        booking_id  text NOT NULL,
        PRIMARY KEY (showtime_id, seat)
      )`.execute(db);
    // Makes a statement fail as a whole when it did not change the booked seats it meant to change.
    await sql`
      CREATE FUNCTION engine.expect_rows(actual bigint, expected bigint) RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN
        IF actual <> expected THEN
          RAISE EXCEPTION 'booked_seat disagrees with the journal: % of % changes apply', actual, expected
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN true;
      END $$`.execute(db);
  },
};

const members: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`
      CREATE TABLE engine.member (
        engine  text PRIMARY KEY,
        seen_at timestamptz NOT NULL
      )`.execute(db);
  },
};

const plainSnapshots: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    // As with events: packed already, and PostgreSQL's compression takes longer than all else about a snapshot.
    await sql`ALTER TABLE engine.snapshot ALTER COLUMN bytes SET STORAGE EXTERNAL`.execute(db);
  },
};

/** Who claimed a shard last; of a claim by an older Usher it says nothing true. */
const owners: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`ALTER TABLE engine.shard ADD COLUMN owner text`.execute(db);
  },
};

/** Services, whose user may read nothing else here, look how many shards there are. */
const countForAll: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`GRANT SELECT (shards) ON engine.cluster TO PUBLIC`.execute(db);
  },
};

/** See losses.ts. */
const losses: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`ALTER TABLE engine.shard ADD COLUMN lost_row bigint`.execute(db);
  },
};

/** Whose the row was: another may have its number by now. */
const lossesByEpoch: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`ALTER TABLE engine.shard ADD COLUMN lost_epoch bigint`.execute(db);
  },
};

export const ENGINE_MIGRATIONS: Record<string, Migration> = {
  "001-journal": first,
  "002-members": members,
  "003-plain-snapshots": plainSnapshots,
  "004-owners": owners,
  "005-count-for-all": countForAll,
  "006-losses": losses,
  "007-losses-by-epoch": lossesByEpoch,
};
