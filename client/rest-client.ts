import { type ErrorCode, isErrorCode } from "../proto/index.ts";
import type {
  Booking,
  GuestSignedIn,
  Hold as RestHold,
  Layout as LayoutSchema,
  LayoutSeat as LayoutSeatSchema,
  Movie,
  Page,
  PaymentAnswer,
  Showtime,
  Ticket,
  TicketPage,
} from "../proto/rest/index.ts";
import type { Static } from "typebox";
import { REST_TIMEOUT_MS } from "./limits.ts";
import { Refused } from "./refused.ts";

export type Layout = Static<typeof LayoutSchema>;
export type LayoutSeat = Static<typeof LayoutSeatSchema>;
export type { Booking, Movie, RestHold, Showtime, Ticket };

export interface ShowtimeSearch {
  readonly movieId?: string;
  readonly cinemaId?: string;
  /** YYYY-MM-DD. */
  readonly date?: string;
  readonly premiere?: boolean;
}

/** Where pages learn the WebSocket's address. */
interface BrowserConfig {
  readonly webSocketUrl: string;
}

/** Ten pages of a hundred. */
const PAGES_MAX = 10;

/** The header `Date` is in whole seconds. */
const DATE_STEP_MS = 1_000;

/** The server could not be reached, did not answer in time, or what answered was no Usher. */
export class Unreachable extends Error {
  constructor(url: string, cause: unknown) {
    super(`no Usher answers at ${url}`, { cause });
    this.name = "Unreachable";
  }
}

/**
 * The few REST calls that every buyer's program needs: what is on, how the hall looks, who am I, and from a hold to the tickets and back.
 * All of them throw (reject) `Refused` for a problem the server names, and `Unreachable` when there is no answer.
 */
export class RestClient {
  readonly #base: string;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number;
  /** By how much the server's clock is ahead of the one here. */
  #aheadMs = 0;

  /** @param base For example `http://127.0.0.1:8080`. `timeoutMs` is from a request to the end of its answer. @throws TypeError when it is no URL of HTTP. */
  constructor(base: string, options: { readonly fetch?: typeof fetch; readonly timeoutMs?: number } = {}) {
    const { origin, protocol } = new URL(base);
    if (protocol !== "http:" && protocol !== "https:") throw new TypeError(`not an HTTP server's URL: ${base}`);
    this.#base = origin;
    this.#timeoutMs = options.timeoutMs ?? REST_TIMEOUT_MS;
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
  }

  /**
   * Milliseconds of the epoch by the server's clock, as far as its answers say: for what the server does at a given time. Where none has
   * said, as to pages of other origins, by the clock here.
   */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  async webSocketUrl(): Promise<string> {
    return (await this.#get<BrowserConfig>("/config.json")).webSocketUrl;
  }

  /** By title; at most 1,000. */
  movies(): Promise<Movie[]> {
    return this.#all("/api/v1/movies", {});
  }

  /** All that match, soonest first; at most 1,000. */
  showtimes(search: ShowtimeSearch = {}): Promise<Showtime[]> {
    return this.#all("/api/v1/showtimes", search);
  }

  showtime(id: string): Promise<Showtime> {
    return this.#get(`/api/v1/showtimes/${encodeURIComponent(id)}`);
  }

  layout(showtime: string): Promise<Layout> {
    return this.#get(`/api/v1/showtimes/${encodeURIComponent(showtime)}/layout`);
  }

  /** A new guest: may hold and buy until its token ends, which is not renewed. */
  guest(): Promise<GuestSignedIn> {
    return this.#post("/api/v1/auth/guest");
  }

  /** What is known of a hold after notices may have been missed. */
  hold(holdId: string, token: string): Promise<RestHold> {
    return this.#get(`/api/v1/holds/${encodeURIComponent(holdId)}`, signed(token));
  }

  /** Gives the hold's seats back. */
  async release(holdId: string, token: string): Promise<void> {
    await this.#fetchOk(`/api/v1/holds/${encodeURIComponent(holdId)}`, { method: "DELETE", ...signed(token) });
  }

  /** The seats of the hold wait for the payment. Asked again, it is the same booking. */
  book(holdId: string, token: string): Promise<Booking> {
    return this.#post("/api/v1/bookings", { holdId }, token, `book-${holdId}`);
  }

  /** One's own bookings of the showtime, newest first; at most 1,000. */
  bookings(showtimeId: string, token: string): Promise<Booking[]> {
    return this.#all("/api/v1/bookings", { showtimeId }, token);
  }

  /** Begins a payment on the mock gateway's page: see `next`. */
  pay(booking: string, token: string): Promise<PaymentAnswer> {
    return this.#post(`/api/v1/bookings/${encodeURIComponent(booking)}/payments`, { method: "mock" }, token);
  }

  /**
   * Gives back all seats, and the money. Each call is a wish of its own; where no answer came, the same `key` as before makes it the
   * same one, which gets the first answer for a day, be it a refusal.
   */
  cancel(booking: string, token: string, key?: string): Promise<Booking> {
    return this.#post(`/api/v1/bookings/${encodeURIComponent(booking)}/cancel`, {}, token, key);
  }

  /** Those that were issued by now. */
  async tickets(booking: string, token: string): Promise<readonly Ticket[]> {
    const path = `/api/v1/bookings/${encodeURIComponent(booking)}/tickets`;
    return (await this.#get<Static<typeof TicketPage>>(path, signed(token))).items;
  }

  /** A ticket's code as a picture: SVG. */
  async ticketPicture(ticket: string, token: string): Promise<string> {
    const path = `/api/v1/tickets/${encodeURIComponent(ticket)}.svg`;
    return this.#read(path, signed(token), "image/svg+xml", (answer) => answer.text());
  }

  /** All good tickets of a booking, a page each: PDF. */
  async ticketsPdf(booking: string, token: string): Promise<Blob> {
    const path = `/api/v1/bookings/${encodeURIComponent(booking)}/tickets.pdf`;
    return this.#read(path, signed(token), "application/pdf", (answer) => answer.blob());
  }

  async #all<Item>(path: string, search: object, token?: string): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const query = new URLSearchParams({ limit: "100" });
      for (const [name, value] of Object.entries(search)) query.set(name, String(value));
      if (cursor !== null) query.set("cursor", cursor);
      const found: Page<Item> = await this.#get(`${path}?${query.toString()}`, signed(token));
      items.push(...found.items);
      cursor = found.nextCursor;
      if (cursor === null) break;
    }
    return items;
  }

  #post<Answer>(path: string, body: object = {}, token?: string, key?: string): Promise<Answer> {
    const headers = {
      ...signed(token).headers,
      ...(key !== undefined && { "idempotency-key": key }),
      "content-type": "application/json",
    };
    return this.#get(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  #get<Answer>(path: string, request: RequestInit = {}): Promise<Answer> {
    // The cast: the server holds its answers against the schemas that these types come from.
    return this.#read(path, request, "application/json", async (answer) => (await answer.json()) as Answer);
  }

  async #read<Answer>(
    path: string,
    request: RequestInit,
    type: string,
    body: (answer: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const response = await this.#fetchOk(path, request);
    try {
      // A network that wants a sign-in first answers with a page of its own.
      if (typeOf(response) !== type) {
        await response.body?.cancel();
        throw new Error(`what answered is no Usher: ${typeOf(response)}, not ${type}`);
      }
      return await body(response);
    } catch (cause) {
      throw new Unreachable(this.#base, cause);
    }
  }

  async #fetchOk(path: string, request: RequestInit): Promise<Response> {
    const askedAt = Date.now();
    try {
      const response = await this.#fetch(this.#base + path, {
        ...request,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      this.#learnTime(response, askedAt);
      if (response.ok) return response;
      if (!isProblem(response)) {
        await response.body?.cancel();
        throw new Error(`what answered is no Usher: ${response.status} ${response.statusText}`);
      }
      throw toRefused(response, await response.json());
    } catch (cause) {
      throw cause instanceof Refused ? cause : new Unreachable(this.#base, cause);
    }
  }

  /** The clock here is believed as far as the answer allows, which says the server's second, and of which one knows when it was asked for and came. */
  #learnTime({ headers }: Response, askedAt: number): void {
    const second = Date.parse(headers.get("date") ?? "");
    // What may have been kept on the way does not say what time it is.
    if (Number.isNaN(second) || /max-age=[1-9]/.test(headers.get("cache-control") ?? "")) return;
    this.#aheadMs = Math.max(second - Date.now(), Math.min(0, second + DATE_STEP_MS - askedAt));
  }
}

const typeOf = ({ headers }: Response): string | undefined => headers.get("content-type")?.split(";")[0]?.trim();

const signed = (token?: string): { readonly headers: Record<string, string> } => ({
  headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
});

/** Whatever Usher refuses it refuses so, and so does the balancer in front of it. */
const isProblem = (response: Response): boolean => typeOf(response) === "application/problem+json";

function toRefused(response: Response, body: unknown): Refused {
  // The cast: every field is looked at before it is used.
  const problem = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const { code, detail, seats, retryInMs } = problem;
  const known: ErrorCode = typeof code === "string" && isErrorCode(code) ? code : "INTERNAL";
  const retryAfterMs = Number(response.headers.get("retry-after")) * 1000;
  return new Refused(known, typeof detail === "string" ? detail : `the server answered ${response.status}`, {
    seats: isSeats(seats) ? seats : undefined,
    retryInMs: typeof retryInMs === "number" ? retryInMs : retryAfterMs || undefined,
  });
}

const isSeats = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((seat) => typeof seat === "number");
