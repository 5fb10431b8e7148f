/**
 * The events of one journal row: a format byte, then for each event its showtime and the event (see `proto/engine/event-codec.ts`).
 * A showtime is written by its id the first time it occurs in the row, and by its place among those ids after that.
 */
import {
  ByteReader,
  ByteWriter,
  decodeEvent,
  encodeEvent,
  type Event,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";

const FORMAT = 1;
const NEW_SHOWTIME = 0;

export class RowWriter {
  readonly #bytes = new ByteWriter(4096);
  #showtimes = 0;

  get byteLength(): number {
    return this.#bytes.length;
  }

  /**
   * @param place of the showtime in this row, as its event before was answered; 0 for its first one
   * @returns its place
   */
  add(showtime: ShowtimeId, place: number, event: Event): number {
    if (this.#bytes.length === 0) this.#bytes.byte(FORMAT);
    this.#bytes.uint(place);
    if (place === NEW_SHOWTIME) this.#bytes.string(showtime);
    encodeEvent(this.#bytes, event);
    return place === NEW_SHOWTIME ? ++this.#showtimes : place;
  }

  /** The row, empty when nothing was added; the writer begins anew. */
  take(): Uint8Array {
    const row = Buffer.from(this.#bytes.view()); // From Node's pool: a typed array of its own takes a small row fifteen times as long.
    this.#bytes.clear();
    this.#showtimes = 0;
    return row;
  }
}

/** Calls back for each event, in order. @throws CorruptBytes when the bytes are not such a row. */
export function readRow(row: Uint8Array, each: (showtime: ShowtimeId, event: Event) => void): void {
  if (row.length === 0) return;
  const bytes = new ByteReader(row);
  const format = bytes.byte();
  if (format !== FORMAT) throw bytes.corrupt(`format ${format} is not known`);
  const showtimes: ShowtimeId[] = [];
  while (bytes.remaining > 0) {
    const place = bytes.uint();
    if (place === NEW_SHOWTIME) showtimes.push(showtimeId(bytes.string()));
    const showtime = showtimes[place === NEW_SHOWTIME ? showtimes.length - 1 : place - 1];
    if (showtime === undefined) throw bytes.corrupt(`no showtime at place ${place}`);
    each(showtime, decodeEvent(bytes));
  }
}
