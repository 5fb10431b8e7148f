import { describe, expect, it } from "vitest";
import { eventually } from "../../platform/testing/eventually.ts";
import { usePostOffice } from "./testing/post-office.ts";
import { bookingEvent } from "./testing/world.ts";

const post = usePostOffice();

describe("news", () => {
  it("of a booking reach the buyer's connections at once, once, guests' too", async () => {
    await post.world.start();
    const booking = post.world.peers.book("guest", { status: "paying" });
    const { bookingId, userId, showtimeId, status, reason } = booking;
    const event = bookingEvent("booking.created", booking);
    await post.world.stream.publish(event);
    await post.world.stream.publish(event);
    await eventually(() => expect(post.world.news).toContainEqual({ userId, bookingId, showtimeId, status, reason }));
    expect(post.world.news.filter((one) => one.bookingId === bookingId)).toHaveLength(1);
    expect(await post.world.rows(bookingId)).toEqual([]);
  });
});
