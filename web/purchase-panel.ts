import { type Booking, Refused, type RestClient, type UsherClient } from "../client/index.ts";
import type { Basket } from "./basket.ts";
import { button, byId, create, replaceItems } from "./dom.ts";
import { formatList, formatMoney } from "./format.ts";
import { tell } from "./messages.ts";
import { Pace } from "./pace.ts";
import type { Session } from "./session.ts";
import { inPlainWords } from "./words.ts";

const STATUS_WORDS: Readonly<Record<Booking["status"], string>> = {
  pending: "Waiting for your payment",
  paying: "Waiting for your payment",
  confirmed: "Paid: show these codes at the door",
  cancelled: "Cancelled",
  refunded: "Refunded",
  expired: "Not paid in time",
  failed: "Not paid",
};

/** Late money may yet bring the seats, or goes back. */
const isMoneyOnItsWay = ({ status, payment }: Booking): boolean =>
  status === "expired" && (payment?.status === "pending" || payment?.status === "authorized");

export interface PurchasePanelOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  readonly session: Session;
  readonly basket: Basket;
  readonly showtime: string;
}

/** What this guest has booked in the showtime: to be paid on the gateway's page, shown at the door, or given back. */
export class PurchasePanel {
  readonly #options: PurchasePanelOptions;
  readonly #stop = new AbortController();
  readonly #unlisten: () => void;
  readonly #pace = new Pace();
  /** By booking, once all its tickets are there. */
  readonly #codes = new Map<string, readonly HTMLElement[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** All of the guest's own. */
  #bookings: readonly Booking[] = [];
  /** Paid by a guest whose token is over: nobody can change them any more, but the codes are good at the door. */
  #earlier: readonly Booking[] = [];
  #shown = "";

  constructor(options: PurchasePanelOptions) {
    this.#options = options;
    const { signal } = this.#stop;
    byId("pay", HTMLButtonElement).addEventListener("click", () => void this.#attempt(() => this.#payBasket()), {
      signal,
    });
    this.#unlisten = options.client.on("booking", () => void this.#look());
    this.#show([]);
    void this.#attempt(async () => {});
  }

  close(): void {
    this.#unlisten();
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  async #payBasket(): Promise<void> {
    const { rest, session, basket } = this.#options;
    session.keepBooked();
    for (const holdId of basket.holdIds) {
      const { id } = await rest.book(holdId, this.#token);
      basket.handOver(holdId);
      await rest.pay(id, this.#token);
    }
  }

  /** Does it, says what was wrong with it, and shows how things stand then. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    byId("pay", HTMLButtonElement).disabled = true;
    await work().catch((error: unknown) => tell(inPlainWords(error)));
    byId("pay", HTMLButtonElement).disabled = false;
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
      await Promise.all(bookings.map((booking) => this.#loadCodes(booking, token)));
      if (this.#stop.signal.aborted) return;
      this.#show(bookings);
      waitMs = this.#waitMs(bookings);
    } catch (error) {
      // Looked for again, but not with a token that is over: what the buyer did was answered for by itself.
      if (error instanceof Refused && error.code === "UNAUTHORIZED") return clearTimeout(this.#timer);
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
      const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      const alt = `Code of seat ${tickets[index]?.label ?? ""}`;
      return create("img", { src, alt, className: "code" });
    });
    this.#codes.set(id, codes);
  }

  #show(bookings: readonly Booking[]): void {
    const ids = new Set(bookings.map(({ id }) => id));
    this.#earlier = [...this.#bookings, ...this.#earlier].filter(
      ({ id, status }) => status === "confirmed" && !ids.has(id),
    );
    this.#bookings = bookings;
    // A button must not be replaced under a finger.
    const now = JSON.stringify(
      [...bookings, ...this.#earlier].map((booking) => [booking, this.#codes.has(booking.id)]),
    );
    if (now === this.#shown) return;
    this.#shown = now;
    const lines = [
      ...bookings.map((booking) => this.#line(booking, this.#actions(booking))),
      ...this.#earlier.map((booking) => this.#line(booking, [])),
    ];
    byId("purchases", HTMLElement).hidden = lines.length === 0;
    // Not to the next button: it may be one that gives tickets back.
    replaceItems(byId("purchase-list", HTMLElement), lines, () => byId("purchases-title", HTMLElement));
  }

  #line(booking: Booking, actions: readonly HTMLElement[]): HTMLElement {
    const { id, tickets, total, status, reason } = booking;
    const seats = formatList(tickets.map(({ label }) => label));
    const words = reason === null ? STATUS_WORDS[status] : `${STATUS_WORDS[status]}: ${reason}`;
    return create(
      "li",
      { id },
      create("p", {}, create("strong", {}, seats), ` ${formatMoney(total)}`),
      create("p", { className: "quiet" }, words),
      ...(status === "confirmed" ? (this.#codes.get(booking.id) ?? []) : []),
      ...actions,
    );
  }

  #actions({ id, status, payment, total }: Booking): HTMLElement[] {
    const { rest } = this.#options;
    const cancel = (words: string) => button(words, () => void this.#attempt(() => rest.cancel(id, this.#token)));
    const again = button("Pay", () => void this.#attempt(() => rest.pay(id, this.#token)));
    switch (status) {
      case "pending":
        return [again, cancel("Cancel")];
      case "paying": {
        const next = payment?.next;
        if (next === undefined || !("url" in next)) return [cancel("Cancel")];
        const page = { href: next.url, target: "_blank", rel: "noopener", className: "main" };
        return [create("a", page, `Pay ${formatMoney(total)}`), cancel("Cancel")];
      }
      case "confirmed":
        return [cancel("Cancel and get the money back")];
      case "failed":
        return [again];
      case "cancelled":
      case "refunded":
      case "expired":
        return [];
    }
  }

  /** There are no bookings without one. */
  get #token(): string {
    return this.#options.session.savedToken ?? "";
  }
}
