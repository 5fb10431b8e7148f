import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testEvent } from "../../platform/events/testing.ts";
import { useOffice } from "./testing/office.ts";

const office = useOffice();
const { nextBooking, list, rowsOf } = office;

describe("a showtime that changes, while bookings wait in the queue,", () => {
  beforeEach(() => void (office.world.peers.silent = true)); // So that none leaves it.
  afterEach(() => office.world.pool.query("delete from tickets.booking"));

  /** A booking whose turn is in an hour. */
  async function waiting(bookingId = nextBooking()): Promise<string> {
    const due = new Date(office.world.clock.now() + 3_600_000);
    await office.world.pool.query(
      `insert into tickets.booking (booking_id, changes, due_at, attempts) values ($1, 1, $2, 0)
       on conflict (booking_id) do update set changes = 1, due_at = excluded.due_at`,
      [bookingId, due],
    );
    return bookingId;
  }

  /** A waiting booking of `st_metropolis`, with a ticket. */
  async function ticketed(seat: number): Promise<string> {
    office.world.peers.silent = false;
    const { bookingId } = office.world.peers.book(nextBooking(), [seat]);
    await list(bookingId);
    expect(await rowsOf(bookingId)).toHaveLength(1);
    office.world.peers.silent = true;
    return waiting(bookingId);
  }

  const change = (showtimeId: string): Promise<void> =>
    office.world.stream.publish(testEvent("showtime.changed", showtimeId, { showtimeId, movieId: "mv_1" }));

  async function changesOf(bookingId: string): Promise<number> {
    const { rows } = await office.world.pool.query("select changes from tickets.booking where booking_id = $1", [
      bookingId,
    ]);
    return rows[0].changes;
  }

  it("is no news for those of another showtime, and is for those whose showtime is not known", async () => {
    const [known, voided, unknown] = [await ticketed(1), await ticketed(2), await waiting()];
    await office.world.pool.query("update tickets.ticket set voided_at = now() where booking_id = $1", [voided]);
    await change("st_other");
    await expect.poll(() => changesOf(unknown)).toBe(2);
    expect([await changesOf(known), await changesOf(voided)]).toEqual([1, 2]);
    await change("st_metropolis");
    await expect.poll(() => changesOf(known)).toBe(2);
  });

  it("is news for one that leaves the queue at this moment, with tickets of the time before", async () => {
    const bookingId = await waiting();
    const follower = await office.world.pool.connect();
    try {
      await follower.query("begin");
      await follower.query("update tickets.booking set due_at = null where booking_id = $1", [bookingId]);
      await follower.query(
        `insert into tickets.ticket (id, booking_id, seat, user_id, showtime_id, label, valid_from, valid_until, generation, issued_at)
         values ('t_1', $1, 3, 'ada', 'st_metropolis', 'A4', now(), now(), 1, now())`,
        [bookingId],
      );
      const told = change("st_metropolis"); // Heard when it is published.
      const blocked = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      await expect.poll(async () => (await office.world.pool.query(blocked)).rowCount).toBe(1);
      await follower.query("commit");
      await told;
    } finally {
      follower.release();
    }
    await expect.poll(() => changesOf(bookingId)).toBe(2);
  });
});
