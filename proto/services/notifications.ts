/** What `notifications` tells the edges. */
import { plainCodec, type Topic } from "../subject.ts";
import type { BookingStatus } from "../booking-status.ts";

/** What has become of a booking, for its buyer's open connections. */
export interface BookingNews {
  readonly userId: string;
  readonly bookingId: string;
  readonly showtimeId: string;
  readonly status: BookingStatus;
  readonly reason: string | null;
}

export const BOOKING_NEWS: Topic<BookingNews> = { name: "notifications.booking", codec: plainCodec() };
