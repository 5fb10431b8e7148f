import { type Booking, Refused, type RestClient, type UsherClient } from "../../client/index.ts";
import type { Basket } from "../hall/basket.ts";
import { howItStands, isMoneyOnItsWay, seatsOf } from "./booking-words.ts";
import { Pace } from "../pace.ts";
import type { Session } from "../session.ts";

export interface PurchasesOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  readonly session: Session;
  readonly basket: Basket;
  readonly showtime: string;
  /** How the bookings stand was looked up. */
  readonly looked: () => void;
  /** Which seats are booked by this guest has changed. */
  readonly seatsChanged: () => void;
  /** How bookings stand now, in words, that stood otherwise before. */
  readonly news: (words: string) => void;
}

/** Until when a booking can be paid, as found out when it was so. */
interface TimeToPay extends Pick<Booking, "status" | "payBy"> {
  /** On the client's clock. */
  readonly expiresAt: number;
  /** The server says that there is none left. The clock here may say so too early, when it is corrected. */
  readonly isOver: boolean;
}

/** What opens the door, of one seat. */
export interface Code {
  readonly seat: number;
  readonly label: string;
  /** What the picture says: another where the ticket was issued anew. */
  readonly qr: string;
  readonly svg: string;
}

/** What this guest has booked in one showtime, looked up again for as long as something is waited for. */
export class Purchases {
  readonly #options: PurchasesOptions;
  readonly #unlisten: readonly (() => void)[];
  readonly #pace = new Pace();
  /** By booking, of all seats that it had when its tickets were asked for. */
  readonly #codes = new Map<string, readonly Code[]>();
  /** Bookings whose codes are those of their tickets, as far as there was word since. */
  #upToDate = new Set<string>();
  /** By booking. */
  readonly #timesToPay = new Map<string, TimeToPay>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the looks, so that a slow one does not bring back what a later one has found otherwise. */
  #looks = 0;
  /** The last one whose bookings were taken. */
  #taken = 0;
  #isClosed = false;
  /** Word of a booking, while there was no connection or no guest: to be looked for once there is. */
  #mayHaveMissed = false;
  #bookings: readonly Booking[] = [];
  #earlier: readonly Booking[] = [];
  #seats: ReadonlySet<number> = new Set();
  /** How each booking stands, as far as it was said; what was there when the hall was opened is no news. */
  #said: ReadonlyMap<string, string> | undefined;

  constructor(options: PurchasesOptions) {
    this.#options = options;
    const { client } = options;
    this.#unlisten = [
      client.on("booking", () => this.#lookAnew()),
      client.on("state", () => (this.#mayHaveMissed ||= client.state !== "open")),
      client.on("authed", () => {
        if (this.#mayHaveMissed) this.#lookAnew();
        this.#mayHaveMissed = false;
      }),
    ];
  }

  close(): void {
    this.#isClosed = true;
    for (const unlisten of this.#unlisten) unlisten();
    clearTimeout(this.#timer);
  }

  /** All of the guest's own. */
  get bookings(): readonly Booking[] {
    return this.#bookings;
  }

  /** Of a guest whose token is over: nobody can change them any more. Codes are good at the door; of what was not paid yet nothing is heard here. */
  get earlier(): readonly Booking[] {
    return this.#earlier;
  }

  /** Whether the seat is booked by this guest, be it paid or not yet. */
  has(seat: number): boolean {
    return this.#seats.has(seat);
  }

  /** Codes of the seats that the booking still has; undefined until all their tickets are there. */
  codesOf({ id, status, seats }: Booking): readonly Code[] | undefined {
    const codes = this.#codes.get(id)?.filter(({ seat }) => seats.includes(seat)) ?? [];
    return status === "confirmed" && codes.length === seats.length ? codes : undefined;
  }

  /** What is left to pay for the booking, in milliseconds. */
  msLeft(id: string): number {
    const time = this.#timesToPay.get(id);
    return time === undefined ? 0 : this.#options.client.msLeft(time);
  }

  isToBePaid({ id, status }: Booking): boolean {
    // Of what has failed, only that whose seats still wait may be tried again.
    return status === "pending" || status === "paying" || (status === "failed" && this.msLeft(id) > 0);
  }

  async payBasket(): Promise<void> {
    const { rest, session, basket } = this.#options;
    session.keepBooked();
    this.#said ??= new Map();
    // All of them first: from then on no hold runs out while another's payment is begun. One that fails keeps no other from its own.
    const booked = await Promise.allSettled(
      basket.holdIds.map(async (holdId) => {
        const { id } = await rest.book(holdId, this.#token);
        basket.handOver(holdId);
        return id;
      }),
    );
    const ids = booked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const begun = await Promise.allSettled(ids.map((id) => this.pay(id)));
    const failed = [...booked, ...begun].find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  pay(id: string): ReturnType<RestClient["pay"]> {
    return this.#options.rest.pay(id, this.#token);
  }

  cancel(id: string): ReturnType<RestClient["cancel"]> {
    return this.#options.rest.cancel(id, this.#token);
  }

  ticketsPdf(id: string): ReturnType<RestClient["ticketsPdf"]> {
    return this.#options.rest.ticketsPdf(id, this.#token);
  }

  /** There is word of a booking, or may have been: its tickets may be others, too. */
  #lookAnew(): void {
    // What is being asked for now is from before it.
    this.#upToDate = new Set();
    void this.look();
  }

  async look(): Promise<void> {
    const { rest, session, basket, showtime } = this.#options;
    const token = session.savedToken;
    if (token === undefined || this.#isClosed) return;
    const look = ++this.#looks;
    const isPast = (): boolean => this.#isClosed || look < this.#taken;
    let waitMs: number | undefined;
    try {
      const bookings = await rest.bookings(showtime, token);
      // Where the answer to a booking was lost, its hold is still in the basket.
      const booked = new Set(bookings.map(({ holdId }) => holdId));
      for (const holdId of basket.holdIds) if (booked.has(holdId)) basket.handOver(holdId);
      if (isPast()) return;
      this.#taken = look;
      this.#take(bookings);
      this.#tellNews(bookings);
      // What cannot be had just now of one booking, or not yet, keeps nothing else from the buyer.
      const loads = bookings.flatMap((each) => [
        this.#loadCodes(each, token, isPast),
        this.#loadTimeToPay(each, token),
      ]);
      const loaded = await Promise.allSettled(
        loads.map(async (load) => {
          await load;
          if (!isPast()) this.#take(bookings);
        }),
      );
      const failed = loaded.find((each) => each.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      waitMs = this.#waitMs(bookings);
    } catch (error) {
      if (isPast()) return;
      // Looked for again, but not with a token that is over: what the buyer did was answered for by itself.
      if (error instanceof Refused && error.code === "UNAUTHORIZED") {
        this.#mayHaveMissed = true;
        return clearTimeout(this.#timer);
      }
      waitMs = this.#pace.later(error instanceof Refused ? error.retryInMs : 0);
    }
    if (isPast()) return;
    // Another look may have been under way.
    clearTimeout(this.#timer);
    if (waitMs !== undefined) this.#timer = setTimeout(() => void this.look(), waitMs);
  }

  /** Until the next look; undefined when there is nothing to look for. */
  #waitMs(bookings: readonly Booking[]): number | undefined {
    if (bookings.some((booking) => this.#isWaitedFor(booking))) return this.#pace.soon();
    const isRefunding = bookings.some(({ status, refunding }) => status !== "confirmed" && refunding.amount > 0);
    return isRefunding || bookings.some(isMoneyOnItsWay) ? this.#pace.later() : undefined;
  }

  #isWaitedFor(booking: Booking): boolean {
    const { status } = booking;
    return (
      status === "pending" || status === "paying" || (status === "confirmed" && this.codesOf(booking) === undefined)
    );
  }

  async #loadCodes(booking: Booking, token: string, isPast: () => boolean): Promise<void> {
    const { id, status, seats } = booking;
    const upToDate = this.#upToDate;
    if (status !== "confirmed" || (upToDate.has(id) && this.codesOf(booking) !== undefined)) return;
    const { rest } = this.#options;
    const tickets = await rest.tickets(id, token);
    if (tickets.length < seats.length) return;
    const known = new Map(this.#codes.get(id)?.map((code) => [code.qr, code]));
    const codes = tickets.map(
      async ({ id: ticket, seat, label, qr }): Promise<Code> =>
        known.get(qr) ?? { seat, label, qr, svg: await rest.ticketPicture(ticket, token) },
    );
    const all = await Promise.all(codes);
    if (isPast()) return;
    this.#codes.set(id, all);
    upToDate.add(id);
  }

  /** The pinned hold knows how much there is: `payBy` is on the server's clock, and the one here may be wrong. */
  async #loadTimeToPay({ id, status, payBy, holdId }: Booking, token: string): Promise<void> {
    const mayBePaid = status === "pending" || status === "paying" || status === "failed";
    const known = this.#timesToPay.get(id);
    const { client, rest } = this.#options;
    const isKnown = known?.status === status && known.payBy === payBy && (known.isOver || client.msLeft(known) > 0);
    if (!mayBePaid || isKnown) return;
    const asked = client.now();
    try {
      const { expiresInMs } = await rest.hold(holdId, token);
      this.#timesToPay.set(id, { status, payBy, expiresAt: asked + expiresInMs, isOver: false });
    } catch (error) {
      if (!(error instanceof Refused) || error.retryable) throw error;
      this.#timesToPay.set(id, { status, payBy, expiresAt: asked, isOver: true });
    }
  }

  #take(bookings: readonly Booking[]): void {
    const ids = new Set(bookings.map(({ id }) => id));
    this.#earlier = [...this.#bookings, ...this.#earlier].filter(
      (booking) => !ids.has(booking.id) && (booking.status === "confirmed" || this.isToBePaid(booking)),
    );
    this.#bookings = bookings;
    this.#options.looked();
    const open = bookings.filter((booking) => this.isToBePaid(booking));
    const confirmed = [...bookings, ...this.#earlier].filter(({ status }) => status === "confirmed");
    const live = [...open, ...confirmed].flatMap(({ seats }) => seats);
    if (live.length === this.#seats.size && live.every((seat) => this.#seats.has(seat))) return;
    this.#seats = new Set(live);
    this.#options.seatsChanged();
  }

  #tellNews(bookings: readonly Booking[]): void {
    const before = this.#said;
    const now = bookings.map((booking) => [booking.id, `${seatsOf(booking)}: ${howItStands(booking)}`] as const);
    this.#said = new Map(now);
    const news = before === undefined ? [] : now.filter(([id, words]) => before.get(id) !== words);
    if (news.length > 0) this.#options.news(news.map(([, words]) => words).join(" "));
  }

  /** There are no bookings without one. */
  get #token(): string {
    return this.#options.session.savedToken ?? "";
  }
}
