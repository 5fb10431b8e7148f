import type { Bus } from "../../../platform/bus/index.ts";
import { LABELLED_SEATS } from "../../../proto/services/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { ANSWER_WITHIN_MS } from "../limits.ts";
import type { SeatNumber } from "./schema.ts";

/** From what people call seats to their indexes. @throws Problem NOT_FOUND, BAD_MESSAGE; what `isAway` knows */
export async function seatIndexes(bus: Bus, showtimeId: string, numbers: readonly SeatNumber[]): Promise<number[]> {
  const labels = numbers.filter((number) => typeof number === "string");
  const found = labels.length === 0 ? [] : await askForLabels(bus, showtimeId, labels);
  const seats = new Map(labels.map((label, at) => [label, found[at]]));
  const indexes = numbers.map((number) => (typeof number === "number" ? number : indexOf(number, seats.get(number))));
  if (new Set(indexes).size < indexes.length) throw new Problem("BAD_MESSAGE", "seatNumbers names a seat twice.");
  return indexes;
}

async function askForLabels(
  bus: Bus,
  showtimeId: string,
  labels: readonly string[],
): Promise<readonly (number | null)[]> {
  const question = { showtimeId, labels };
  const found = await bus.request(LABELLED_SEATS, question, { timeoutMs: ANSWER_WITHIN_MS });
  if (found === null) throw new Problem("NOT_FOUND", "There is no such showtime.");
  return found;
}

function indexOf(label: string, seat: number | null = null): number {
  const index = seat ?? (/^\d{1,5}$/.test(label) ? Number(label) : null);
  if (index === null) throw new Problem("NOT_FOUND", "The hall has no seat of that label.");
  return index;
}
