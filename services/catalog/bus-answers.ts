/** What the catalogue answers the other services: from memory, since every purchase asks. */
import { type Bus, serving, type Subscription } from "../../platform/bus/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Showtime } from "../../proto/rest/index.ts";
import { HALL_PLAN, LABELLED_SEATS, QUOTE, type SeatCard, type ShowtimeCard } from "../../proto/services/index.ts";
import { Problem } from "../../platform/http/index.ts";
import type { CatalogReader } from "./catalog-reader.ts";
import type { SeatView } from "./layout/hall-layout.ts";
import type { ShowtimeRecord } from "./store/showtimes.ts";

export function serveCatalog(options: { bus: Bus; reader: CatalogReader; log: Logger }): readonly Subscription[] {
  const { bus, reader, log } = options;
  const serve = serving(bus, log, "catalog");
  return [
    serve(QUOTE, async ({ showtimeId, seats, fresh = false }) => {
      const record = await orNull(fresh ? reader.showtimeNow(showtimeId) : reader.showtime(showtimeId));
      if (record === null) return null;
      const all = await reader.seats(record);
      const cards = seats.map((seat) => seatCard(all[seat], record.showtime));
      return cards.every((card) => card !== null) ? { showtime: showtimeCard(record), seats: cards } : null;
    }),
    serve(HALL_PLAN, async ({ showtimeId }) => {
      const record = await orNull(reader.showtime(showtimeId));
      return record && (await reader.seats(record)).map(({ x, y }) => ({ x, y }));
    }),
    serve(LABELLED_SEATS, async ({ showtimeId, labels }) => {
      const record = await orNull(reader.showtime(showtimeId));
      return record && indexesOf(labels, await reader.seats(record));
    }),
  ];
}

/** One look at every seat, however many labels are asked for. */
function indexesOf(labels: readonly string[], seats: readonly SeatView[]): (number | null)[] {
  const wanted = new Set(labels);
  const found = new Map<string, number>();
  for (const { label, index } of seats) if (wanted.has(label)) found.set(label, index);
  return labels.map((label) => found.get(label) ?? null);
}

/** Null where REST says NOT_FOUND. */
async function orNull<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Problem && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

const showtimeCard = ({ showtime, cinemaAddress }: ShowtimeRecord): ShowtimeCard => ({
  showtimeId: showtime.id,
  movieId: showtime.movieId,
  title: showtime.title,
  cinemaName: showtime.cinemaName,
  cinemaAddress,
  hallName: showtime.hallName,
  timeZone: showtime.timeZone,
  startsAt: showtime.startsAt,
  endsAt: showtime.endsAt,
  salesEndAt: showtime.salesEndAt,
  cancelUntil: showtime.cancelUntil,
  cancelled: showtime.status === "cancelled",
  currency: showtime.categories[0]?.price.currency ?? "",
});

function seatCard(seat: SeatView | undefined, { categories }: Showtime): SeatCard | null {
  const category = categories.find(({ id }) => id === seat?.category);
  if (seat === undefined || category === undefined) return null;
  const { index, label, section, row, number } = seat;
  return {
    seat: index,
    label,
    section,
    row,
    number,
    category: category.id,
    categoryName: category.name,
    prices: category.prices,
  };
}
