/**
 * A journal in memory with the semantics of the PostgreSQL one (fence, primary keys, all or nothing), on a virtual clock, that fails,
 * stalls and loses its answers when a seeded source of chance says so.
 */
import { type Clock, sleep } from "../../platform/clock/index.ts";
import {
  type Acknowledged,
  CommitRefused,
  CommitUnknown,
  type Journal,
  JournalDamaged,
  type JournalRow,
  type Loss,
  NOTHING_ACKNOWLEDGED,
  type ShardCommit,
  type Snapshot,
} from "../journal/index.ts";
import type { ShowtimeId } from "../../proto/index.ts";

/** `unknown-*`: the caller gets an error, and the commit has (not) been done. `late`: it is done some time after the caller got its error. */
export type Fault = "none" | "fail" | "unknown-done" | "unknown-not-done" | "stall" | "late";

interface Options {
  readonly clock: Clock;
  readonly fault: () => Fault;
  /** Milliseconds that a commit takes. */
  readonly latency: () => number;
}

export class FaultyJournal implements Journal {
  readonly #options: Options;
  readonly #epochs = new Map<number, number>();
  readonly #owners = new Map<number, string>();
  readonly #rows = new Map<number, JournalRow[]>();
  readonly #snapshots = new Map<number, Snapshot[]>();
  readonly #lostRows = new Map<number, Acknowledged>();
  readonly bookedSeats = new Map<string, string>();
  /** For tests that break law 4 on purpose. */
  fenced = true;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The booking of each of the showtime's seats that has one, in the order of seats. */
  bookingsOf(showtime: ShowtimeId): ReadonlyMap<number, string> {
    const bookings = [...this.bookedSeats].flatMap(([key, booking]): [number, string][] => {
      const [of, seat] = key.split(" ");
      return of === showtime ? [[Number(seat), booking]] : [];
    });
    return new Map(bookings.sort(([one], [other]) => one - other));
  }

  durable(shard: number): readonly JournalRow[] {
    return this.#rows.get(shard) ?? [];
  }

  warmUp(): Promise<void> {
    return Promise.resolve();
  }

  async commit(commits: readonly ShardCommit[]): Promise<readonly number[]> {
    const fault = this.#options.fault();
    await this.#pause(this.#options.latency());
    switch (fault) {
      case "none":
        return this.#write(commits);
      case "fail":
        throw new Error("disk full");
      case "unknown-done":
        this.#write(commits);
        throw new CommitUnknown("connection lost after the commit");
      case "unknown-not-done":
        throw new CommitUnknown("connection lost before the commit");
      case "stall":
        await this.#pause(4_000);
        return this.#write(commits);
      case "late":
        this.#options.clock.after(30, () => void this.#write(commits));
        throw new CommitUnknown("connection lost during the commit");
    }
  }

  async claim(shard: number, owner: string): Promise<number> {
    await this.#pause(1);
    if (this.#options.fault() === "fail") throw new Error("cannot claim just now");
    const epoch = (this.#epochs.get(shard) ?? 0) + 1;
    this.#epochs.set(shard, epoch);
    this.#owners.set(shard, owner);
    if (this.#options.fault() === "unknown-done") throw new Error("connection lost after the claim");
    return epoch;
  }

  async reclaim(shard: number, owner: string): Promise<number | undefined> {
    await this.#pause(1);
    return this.#owners.get(shard) === owner ? this.claim(shard, owner) : undefined;
  }

  async noteLosses(acknowledged: ReadonlyMap<number, Acknowledged>): Promise<readonly Loss[]> {
    const lost = [...acknowledged].filter(([shard, row]) => this.#isLost(shard, row));
    for (const [shard, row] of lost) {
      this.#lostRows.set(shard, row);
      this.#epochs.set(shard, (this.#epochs.get(shard) ?? 0) + 1);
      this.#owners.delete(shard);
    }
    return lost.map(([shard, { seq }]) => ({ shard, row: seq }));
  }

  async end(shard: number, acknowledged: Acknowledged): ReturnType<Journal["end"]> {
    const missed = [acknowledged, this.#lostRows.get(shard) ?? NOTHING_ACKNOWLEDGED];
    const lost = missed.filter((row) => this.#isLost(shard, row)).map(({ seq }) => seq);
    return { last: this.durable(shard).at(-1) ?? NOTHING_ACKNOWLEDGED, lost: Math.max(0, ...lost) };
  }

  #isLost(shard: number, { seq, epoch }: Acknowledged): boolean {
    const row = this.durable(shard)[seq - 1];
    return seq > 0 && (row === undefined || (epoch ?? row.epoch) !== row.epoch);
  }

  /** PostgreSQL comes back without the shard's last rows, and without snapshots that cover them. */
  lose(shard: number, rows: number): void {
    const left = this.durable(shard).slice(0, -rows);
    this.#rows.set(shard, left);
    const snapshots = this.#snapshots.get(shard) ?? [];
    this.#snapshots.set(
      shard,
      snapshots.filter(({ seq }) => seq <= left.length),
    );
  }

  async epochs(shards?: readonly number[]): Promise<ReadonlyMap<number, number>> {
    await this.#pause(1);
    return new Map([...this.#epochs].filter(([shard]) => shards?.includes(shard) ?? true));
  }

  async *snapshots(shard: number): AsyncIterable<Snapshot> {
    yield* [...(this.#snapshots.get(shard) ?? [])].reverse();
  }

  async *rows(shard: number, afterSeq: number): AsyncIterable<JournalRow> {
    await this.#pause(1);
    yield* this.durable(shard).slice(afterSeq);
  }

  async oldestRow(): Promise<number> {
    return 1;
  }

  async saveSnapshot(snapshot: Snapshot): Promise<void> {
    const kept = this.#snapshots.get(snapshot.shard) ?? [];
    this.#snapshots.set(snapshot.shard, [...kept, snapshot]);
  }

  #write(commits: readonly ShardCommit[]): number[] {
    const there = commits.filter(({ shard, seq, epoch }) => this.durable(shard)[seq - 1]?.epoch === epoch);
    if (there.length > 0) return there.map(({ shard }) => shard);
    const written: number[] = [];
    const seats = new Map(this.bookedSeats);
    const accepted = commits.filter((commit) => !this.fenced || this.#epochs.get(commit.shard) === commit.epoch);
    for (const commit of accepted) {
      const rows = this.durable(commit.shard);
      if (this.fenced && commit.seq !== rows.length + 1)
        throw new JournalDamaged(`row ${commit.seq} after row ${rows.length}`);
      for (const { showtime, seat, before, after } of commit.bookedSeats) {
        const key = `${showtime} ${seat}`;
        if ((seats.get(key) ?? null) !== before)
          throw new CommitRefused(`booked_seat: ${key} is ${seats.get(key)}, not ${before}`);
        if (after === null) seats.delete(key);
        else seats.set(key, after);
      }
    }
    for (const commit of accepted) {
      // Without the fence nothing else keeps a late row out: those that snapshots cover are deleted, and their keys with them.
      this.#rows.set(commit.shard, [...this.durable(commit.shard).slice(0, commit.seq - 1), commit]);
      written.push(commit.shard);
    }
    this.bookedSeats.clear();
    for (const [key, booking] of seats) this.bookedSeats.set(key, booking);
    return written;
  }

  #pause(ms: number): Promise<void> {
    return sleep(this.#options.clock, ms);
  }
}
