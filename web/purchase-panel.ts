import { type Booking, Refused, type RestClient, type UsherClient } from "../client/index.ts";
import type { Basket } from "./basket.ts";
import { howItStands, howItStood, isMoneyOnItsWay, seatsOf } from "./booking-words.ts";
import { button, byId, create, replaceItems } from "./dom.ts";
import { formatCountdown, formatMoney } from "./format.ts";
import { say, tell } from "./messages.ts";
import { Pace } from "./pace.ts";
import { ask } from "./question.ts";
import type { Session } from "./session.ts";
import { inPlainWords } from "./words.ts";

const TICK_MS = 250;
/** A browser may ask the buyer first where to. */
const SAVED_WITHIN_MS = 60_000;

export interface PurchasePanelOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  readonly session: Session;
  readonly basket: Basket;
  readonly showtime: string;
  /** Which seats are booked by this guest has changed. */
  readonly changed: () => void;
}

/** Until when a booking can be paid, as found out when it was in this status. */
interface TimeToPay {
  readonly status: Booking["status"];
  /** On the client's clock. */
  readonly expiresAt: number;
}

/** What this guest has booked in the showtime: to be paid on the gateway's page, shown at the door, or given back. */
export class PurchasePanel {
  readonly #options: PurchasePanelOptions;
  readonly #stop = new AbortController();
  readonly #unlisten: readonly (() => void)[];
  readonly #ticking: ReturnType<typeof setInterval>;
  readonly #pace = new Pace();
  /** By booking, once all its tickets are there. */
  readonly #codes = new Map<string, readonly HTMLElement[]>();
  /** By booking. */
  readonly #timesToPay = new Map<string, TimeToPay>();
  /** On the page, by booking. */
  #clocks: ReadonlyMap<string, HTMLElement> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Word of a booking, while there was no connection or no guest: to be looked for once there is. */
  #mayHaveMissed = false;
  /** All of the guest's own. */
  #bookings: readonly Booking[] = [];
  /** Of a guest whose token is over: nobody can change them any more. Codes are good at the door; of what was not paid yet nothing is heard here. */
  #earlier: readonly Booking[] = [];
  #seats: ReadonlySet<number> = new Set();
  #shown = "";
  /** How each booking stands, as far as it was said; what was there when the hall was opened is no news. */
  #said: ReadonlyMap<string, string> | undefined;

  constructor(options: PurchasePanelOptions) {
    this.#options = options;
    byId("pay", HTMLButtonElement).addEventListener("click", () => void this.#bookAndPay(), {
      signal: this.#stop.signal,
    });
    this.#unlisten = [
      options.client.on("booking", () => void this.#look()),
      options.client.on("state", () => (this.#mayHaveMissed ||= options.client.state !== "open")),
      options.client.on("authed", () => {
        if (this.#mayHaveMissed) void this.#look();
        this.#mayHaveMissed = false;
      }),
    ];
    this.#ticking = setInterval(() => this.#showTimes(), TICK_MS);
    this.#show([]);
    void this.#look();
  }

  close(): void {
    for (const unlisten of this.#unlisten) unlisten();
    clearInterval(this.#ticking);
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Whether the seat is booked by this guest, be it paid or not yet. */
  has(seat: number): boolean {
    return this.#seats.has(seat);
  }

  async #bookAndPay(): Promise<void> {
    const pay = byId("pay", HTMLButtonElement);
    if (pay.hasAttribute("aria-disabled")) return;
    // Not `disabled`: focus must not jump away.
    pay.setAttribute("aria-disabled", "true");
    await this.#attempt(() => this.#payBasket());
    pay.removeAttribute("aria-disabled");
    // The basket is empty now, and the way goes on in the bookings.
    this.#takeFocusFrom(document.body, byId("basket-title", HTMLElement));
  }

  #takeFocusFrom(...places: readonly HTMLElement[]): void {
    const isThere = places.some((place) => place === document.activeElement);
    if (isThere && !this.#stop.signal.aborted) byId("purchases-title", HTMLElement).focus();
  }

  async #payBasket(): Promise<void> {
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
    const begun = await Promise.allSettled(ids.map((id) => rest.pay(id, this.#token)));
    const failed = [...booked, ...begun].find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #savePdf(id: string): Promise<void> {
    const href = URL.createObjectURL(await this.#options.rest.ticketsPdf(id, this.#token));
    create("a", { href, download: `tickets-${id}.pdf` }).click();
    setTimeout(() => URL.revokeObjectURL(href), SAVED_WITHIN_MS);
  }

  async #cancelPaid(booking: Booking): Promise<void> {
    const [title, text] = [
      "Give your tickets back?",
      `${seatsOf(booking)}: you get ${formatMoney(booking.total)} back.`,
    ];
    const isMeant = await ask({ title, text, yes: "Give them back", no: "Keep them" }, this.#stop.signal);
    // The button that asked may have been replaced meanwhile.
    this.#takeFocusFrom(document.body);
    if (isMeant) await this.#attempt(() => this.#options.rest.cancel(booking.id, this.#token));
  }

  /** Does it, says what was wrong with it, and shows how things stand then. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    await work().catch((error: unknown) => tell(inPlainWords(error)));
    await this.#look();
  }

  async #look(): Promise<void> {
    const { rest, session, basket, showtime } = this.#options;
    const token = session.savedToken;
    if (token === undefined || this.#stop.signal.aborted) return;
    let waitMs: number | undefined;
    try {
      const bookings = await rest.bookings(showtime, token);
      // Where the answer to a booking was lost, its hold is still in the basket.
      const booked = new Set(bookings.map(({ holdId }) => holdId));
      for (const holdId of basket.holdIds) if (booked.has(holdId)) basket.handOver(holdId);
      await Promise.all(
        bookings.flatMap((booking) => [this.#loadCodes(booking, token), this.#loadTimeToPay(booking, token)]),
      );
      if (this.#stop.signal.aborted) return;
      this.#show(bookings);
      this.#say(bookings);
      waitMs = this.#waitMs(bookings);
    } catch (error) {
      // Looked for again, but not with a token that is over: what the buyer did was answered for by itself.
      if (error instanceof Refused && error.code === "UNAUTHORIZED") {
        this.#mayHaveMissed = true;
        return clearTimeout(this.#timer);
      }
      waitMs = this.#pace.later(error instanceof Refused ? error.retryInMs : 0);
    }
    // Another look may have been under way.
    clearTimeout(this.#timer);
    if (waitMs !== undefined) this.#timer = setTimeout(() => void this.#look(), waitMs);
  }

  /** Until the next look; undefined when there is nothing to look for. */
  #waitMs(bookings: readonly Booking[]): number | undefined {
    if (bookings.some((booking) => this.#isWaitedFor(booking))) return this.#pace.soon();
    const isRefunding = bookings.some(({ status, refunding }) => status !== "confirmed" && refunding.amount > 0);
    return isRefunding || bookings.some(isMoneyOnItsWay) ? this.#pace.later() : undefined;
  }

  #isWaitedFor({ id, status }: Booking): boolean {
    return status === "pending" || status === "paying" || (status === "confirmed" && !this.#codes.has(id));
  }

  async #loadCodes({ id, status, seats }: Booking, token: string): Promise<void> {
    if (status !== "confirmed" || this.#codes.has(id)) return;
    const { rest } = this.#options;
    const tickets = await rest.tickets(id, token);
    if (tickets.length < seats.length) return;
    const pictures = await Promise.all(tickets.map((ticket) => rest.ticketPicture(ticket.id, token)));
    const codes = pictures.map((svg, index) => {
      const label = tickets[index]?.label ?? "";
      const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      const picture = create("img", { src, alt: `Code of seat ${label}` });
      return create("figure", { className: "code" }, picture, create("figcaption", {}, label));
    });
    this.#codes.set(id, codes);
  }

  /** The pinned hold knows how much there is: `payBy` is on the server's clock, and the one here may be wrong. */
  async #loadTimeToPay({ id, status, holdId }: Booking, token: string): Promise<void> {
    const mayBePaid = status === "pending" || status === "paying" || status === "failed";
    if (!mayBePaid || this.#timesToPay.get(id)?.status === status) return;
    const { client, rest } = this.#options;
    const asked = client.now();
    try {
      const { expiresInMs } = await rest.hold(holdId, token);
      this.#timesToPay.set(id, { status, expiresAt: asked + expiresInMs });
    } catch (error) {
      if (!(error instanceof Refused) || error.retryable) throw error;
      this.#timesToPay.set(id, { status, expiresAt: asked });
    }
  }

  /** What is left to pay for the booking, in milliseconds. */
  #msLeft(id: string): number {
    const time = this.#timesToPay.get(id);
    return time === undefined ? 0 : this.#options.client.msLeft(time);
  }

  #isToBePaid({ id, status }: Booking): boolean {
    // Of what has failed, only that whose seats still wait may be tried again.
    return status === "pending" || status === "paying" || (status === "failed" && this.#msLeft(id) > 0);
  }

  #show(bookings: readonly Booking[]): void {
    const ids = new Set(bookings.map(({ id }) => id));
    this.#earlier = [...this.#bookings, ...this.#earlier].filter(
      (booking) => !ids.has(booking.id) && (booking.status === "confirmed" || this.#isToBePaid(booking)),
    );
    this.#bookings = bookings;
    const all = [...bookings, ...this.#earlier];
    // A button must not be replaced under a finger.
    const shown = all.map((booking) => [booking, this.#codes.has(booking.id), this.#isToBePaid(booking)]);
    const now = JSON.stringify([bookings.length, shown]);
    if (now === this.#shown) return;
    this.#shown = now;
    const open = bookings.filter((booking) => this.#isToBePaid(booking));
    this.#clocks = new Map(open.map(({ id }) => [id, create("p", { className: "clock" })]));
    for (const clock of this.#clocks.values()) clock.setAttribute("role", "timer");
    const lines = [
      ...bookings.map((booking) => this.#line(booking, this.#actions(booking))),
      ...this.#earlier.map((booking) => this.#line(booking, [])),
    ];
    byId("purchases", HTMLElement).hidden = lines.length === 0;
    byId("purchases-note", HTMLElement).hidden = !all.some(({ status }) => status === "confirmed");
    this.#showTimes();
    // Not to the next button: it may be one that gives tickets back.
    replaceItems(byId("purchase-list", HTMLElement), lines, () => byId("purchases-title", HTMLElement));
    const live = [...open, ...all.filter(({ status }) => status === "confirmed")].flatMap(({ seats }) => seats);
    if (live.length === this.#seats.size && live.every((seat) => this.#seats.has(seat))) return;
    this.#seats = new Set(live);
    this.#options.changed();
  }

  #say(bookings: readonly Booking[]): void {
    const before = this.#said;
    const now = bookings.map((booking) => [booking.id, `${seatsOf(booking)}: ${howItStands(booking)}`] as const);
    this.#said = new Map(now);
    const news = before === undefined ? [] : now.filter(([id, words]) => before.get(id) !== words);
    if (news.length > 0) say(news.map(([, words]) => words).join(" "));
  }

  #showTimes(): void {
    for (const [id, clock] of this.#clocks) {
      const left = this.#msLeft(id);
      const text = left > 0 ? `Pay within ${formatCountdown(left)}` : "";
      if (clock.textContent === text) continue;
      // Whether it can still be paid is for the server to say.
      if (text === "") void this.#look();
      clock.textContent = text;
    }
  }

  #line(booking: Booking, actions: readonly HTMLElement[]): HTMLElement {
    const { id, total, status } = booking;
    const clock = this.#clocks.get(id);
    return create(
      "li",
      { id },
      create("p", {}, create("strong", {}, seatsOf(booking)), ` ${formatMoney(total)}`),
      create("p", { className: "quiet" }, this.#earlier.includes(booking) ? howItStood(booking) : howItStands(booking)),
      ...(clock === undefined ? [] : [clock]),
      ...(status === "confirmed" ? (this.#codes.get(id) ?? []) : []),
      ...actions,
    );
  }

  #actions(booking: Booking): HTMLElement[] {
    const { id, status, payment, total } = booking;
    const { rest } = this.#options;
    if (status === "confirmed") {
      const save = button("Save as PDF", () => void this.#attempt(() => this.#savePdf(id)));
      const cancel = button("Cancel and get the money back", () => void this.#cancelPaid(booking));
      return this.#codes.has(id) ? [save, cancel] : [cancel];
    }
    if (!this.#isToBePaid(booking)) return [];
    const cancel = button("Cancel", () => void this.#attempt(() => rest.cancel(id, this.#token)));
    if (status !== "paying") return [button("Pay", () => void this.#attempt(() => rest.pay(id, this.#token))), cancel];
    const next = payment?.next;
    if (next === undefined || !("url" in next)) return [cancel];
    const others = this.#bookings.some((other) => other.id !== id && this.#isToBePaid(other));
    const words = others ? `Pay ${formatMoney(total)} for ${seatsOf(booking)}` : `Pay ${formatMoney(total)}`;
    return [create("a", { href: next.url, target: "_blank", rel: "noopener", className: "main" }, words), cancel];
  }

  /** There are no bookings without one. */
  get #token(): string {
    return this.#options.session.savedToken ?? "";
  }
}
