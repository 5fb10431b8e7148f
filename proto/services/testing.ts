import type { BookingRecord, SeatCard, ShowtimeCard } from "./index.ts";

export const euros = (amount: number) => ({ amount, currency: "EUR" });

export const SHOWTIME_CARD: ShowtimeCard = {
  showtimeId: "st_metropolis",
  movieId: "mv_1",
  title: "Metropolis",
  cinemaName: "Astoria Lichtspiele",
  cinemaAddress: "Kantstraße 48, 10625 Berlin",
  hallName: "Großer Saal",
  timeZone: "Europe/Berlin",
  startsAt: "2027-01-15T19:15:00.000Z",
  endsAt: "2027-01-15T22:00:00.000Z",
  salesEndAt: "2027-01-15T19:15:00.000Z",
  cancelUntil: "2027-01-15T17:15:00.000Z",
  cancelled: false,
  currency: "EUR",
};

/** A seat of a hall with twenty seats a row. */
export function seatCard(seat: number): SeatCard {
  const row = String.fromCharCode(65 + Math.floor(seat / 20));
  const number = (seat % 20) + 1;
  return {
    seat,
    label: `${row}${number}`,
    section: "Parkett",
    row,
    number,
    prices: { adult: euros(1_250), child: euros(900), senior: euros(1_000), student: euros(1_000) },
    category: "standard",
    categoryName: "Standard",
  };
}

/** A confirmed booking of adults, unless it is changed. */
export const bookingRecord = (
  bookingId: string,
  seats: readonly number[],
  change: Partial<BookingRecord>,
): BookingRecord => ({
  bookingId,
  userId: "ada",
  showtimeId: SHOWTIME_CARD.showtimeId,
  title: SHOWTIME_CARD.title,
  status: "confirmed",
  reason: null,
  seats: seats.map((seat) => ({ seat, label: seatCard(seat).label, ticketType: "adult", price: euros(1_250) })),
  total: euros(1_250 * seats.length),
  createdAt: "2027-01-01T12:00:00.000Z",
  ...change,
});
