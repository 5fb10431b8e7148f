/**
 * Branded ids: a `HoldId` is a string that only a parser or the engine may mint, so a seat label cannot be
 * passed where a showtime is wanted. Every id is opaque to clients, and safe inside a bus subject and a URL.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** `[A-Za-z0-9_-]{1,64}`. */
export type ShowtimeId = Branded<string, "ShowtimeId">;
/** `<showtime id>.<counter in base 36>`: the engine finds a hold's showtime, and so its shard, in the id. */
export type HoldId = Branded<string, "HoldId">;
/** Chosen by the bookings service; `[A-Za-z0-9_-]{1,64}`. */
export type BookingId = Branded<string, "BookingId">;
/** The user (customer, guest, kiosk) that seats are held for; `[A-Za-z0-9_-]{1,64}`. */
export type HolderId = Branded<string, "HolderId">;
/** Chosen by the client, unique per holder; any string of 1 to 64 characters. */
export type RequestId = Branded<string, "RequestId">;

const PLAIN_ID = /^[A-Za-z0-9_-]{1,64}$/;

export const isPlainId = (text: string): boolean => PLAIN_ID.test(text);

/** The casts of this module: each is behind the check that its brand stands for. */
export const showtimeId = (text: string): ShowtimeId => plain(text, "showtime id") as ShowtimeId;
export const bookingId = (text: string): BookingId => plain(text, "booking id") as BookingId;
export const holderId = (text: string): HolderId => plain(text, "holder id") as HolderId;

export function requestId(text: string): RequestId {
  if (!isRequestId(text)) throw new TypeError(`not a request id: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

export const isRequestId = (text: string): text is RequestId => /^\P{Cs}{1,64}$/u.test(text);

function plain(text: string, what: string): string {
  if (!isPlainId(text)) throw new TypeError(`not a ${what}: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

/** The hold id of a showtime's `number`-th hold. */
export const holdIdOf = (showtime: ShowtimeId, number: number): HoldId =>
  `${showtime}.${number.toString(36)}` as HoldId;

/** The hold id that the text is, and its two parts; or undefined when the text is not one. */
export function parseHoldId(text: string): { id: HoldId; showtime: ShowtimeId; number: number } | undefined {
  const dot = text.indexOf(".");
  if (dot < 1 || dot > 64 || text.length - dot > 12) return undefined;
  const showtime = text.slice(0, dot);
  const digits = text.slice(dot + 1);
  if (!isPlainId(showtime) || !/^(0|[1-9a-z][0-9a-z]*)$/.test(digits)) return undefined;
  const number = Number.parseInt(digits, 36);
  if (!Number.isSafeInteger(number)) return undefined;
  return { id: text as HoldId, showtime: showtime as ShowtimeId, number };
}
