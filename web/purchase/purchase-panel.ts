import type { Booking } from "../../client/index.ts";
import { howItStands, howItStood, seatsOf } from "./booking-words.ts";
import { button, byId, create, replaceItems } from "../dom.ts";
import { formatCountdown, formatMoney } from "../format.ts";
import { say, tell } from "../messages.ts";
import { type Code, Purchases, type PurchasesOptions } from "./purchases.ts";
import { ask } from "../question.ts";
import { inPlainWords } from "../words.ts";

const TICK_MS = 250;
/** A browser may ask the buyer first where to. */
const SAVED_WITHIN_MS = 60_000;

export type PurchasePanelOptions = Omit<PurchasesOptions, "looked" | "news">;

/** What this guest has booked in the showtime: to be paid on the gateway's page, shown at the door, or given back. */
export class PurchasePanel {
  readonly #purchases: Purchases;
  readonly #stop = new AbortController();
  readonly #ticking: ReturnType<typeof setInterval>;
  /** Drawn once, however often the line of its booking is. */
  readonly #pictures = new WeakMap<Code, HTMLElement>();
  /** On the page, by booking. */
  #clocks: ReadonlyMap<string, HTMLElement> = new Map();
  #shown = "";
  #isBooking = false;

  constructor(options: PurchasePanelOptions) {
    this.#purchases = new Purchases({ ...options, looked: () => this.#show(), news: say });
    byId("pay", HTMLButtonElement).addEventListener("click", () => void this.#bookAndPay(), {
      signal: this.#stop.signal,
    });
    this.#ticking = setInterval(() => this.#showTimes(), TICK_MS);
    this.#show();
    void this.#purchases.look();
  }

  close(): void {
    this.#purchases.close();
    clearInterval(this.#ticking);
    this.#stop.abort();
    // The next hall has the same button.
    byId("pay", HTMLButtonElement).removeAttribute("aria-disabled");
  }

  /** Whether the seat is booked by this guest, be it paid or not yet. */
  has(seat: number): boolean {
    return this.#purchases.has(seat);
  }

  async #bookAndPay(): Promise<void> {
    const pay = byId("pay", HTMLButtonElement);
    if (this.#isBooking) return;
    this.#isBooking = true;
    // Not `disabled`: focus must not jump away.
    pay.setAttribute("aria-disabled", "true");
    await this.#attempt(() => this.#purchases.payBasket());
    this.#isBooking = false;
    if (this.#stop.signal.aborted) return;
    pay.removeAttribute("aria-disabled");
    // The basket is empty now, and the way goes on in the bookings.
    this.#takeFocusFrom(document.body, byId("basket-title", HTMLElement));
  }

  #takeFocusFrom(...places: readonly HTMLElement[]): void {
    const isThere = places.some((place) => place === document.activeElement);
    if (isThere && !this.#stop.signal.aborted) byId("purchases-title", HTMLElement).focus();
  }

  async #savePdf(id: string): Promise<void> {
    const href = URL.createObjectURL(await this.#purchases.ticketsPdf(id));
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
    if (isMeant) await this.#attempt(() => this.#purchases.cancel(booking.id));
  }

  /** Does it, says what was wrong with it, and shows how things stand then. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    await work().catch((error: unknown) => tell(inPlainWords(error)));
    await this.#purchases.look();
  }

  #show(): void {
    const { bookings, earlier } = this.#purchases;
    const all = [...bookings, ...earlier];
    // A button must not be replaced under a finger.
    const shown = all.map((booking) => {
      const codes = this.#purchases.codesOf(booking)?.map(({ qr }) => qr);
      return [booking, codes, this.#purchases.isToBePaid(booking)];
    });
    const now = JSON.stringify([bookings.length, shown]);
    if (now === this.#shown) return;
    this.#shown = now;
    const open = bookings.filter((booking) => this.#purchases.isToBePaid(booking));
    this.#clocks = new Map(open.map(({ id }) => [id, create("p", { className: "clock" })]));
    for (const clock of this.#clocks.values()) clock.setAttribute("role", "timer");
    const lines = [
      ...bookings.map((booking) => this.#line(booking, howItStands(booking), this.#actions(booking))),
      ...earlier.map((booking) => this.#line(booking, howItStood(booking), [])),
    ];
    byId("purchases", HTMLElement).hidden = lines.length === 0;
    const mayBecomeTickets = (booking: Booking): boolean =>
      booking.status === "confirmed" || this.#purchases.isToBePaid(booking);
    byId("purchases-note", HTMLElement).hidden = !all.some(mayBecomeTickets);
    this.#showTimes();
    // Not to the next button: it may be one that gives tickets back.
    replaceItems(byId("purchase-list", HTMLElement), lines, () => byId("purchases-title", HTMLElement));
  }

  #showTimes(): void {
    for (const [id, clock] of this.#clocks) {
      const left = this.#purchases.msLeft(id);
      const text = left > 0 ? `Pay within ${formatCountdown(left)}` : "";
      if (clock.textContent === text) continue;
      // Whether it can still be paid is for the server to say.
      if (text === "") void this.#purchases.look();
      clock.textContent = text;
    }
  }

  #line(booking: Booking, words: string, actions: readonly HTMLElement[]): HTMLElement {
    const { id, total } = booking;
    const clock = this.#clocks.get(id);
    return create(
      "li",
      { id },
      create("p", {}, create("strong", {}, seatsOf(booking)), ` ${formatMoney(total)}`),
      create("p", { className: "quiet" }, words),
      ...(clock === undefined ? [] : [clock]),
      ...(this.#purchases.codesOf(booking) ?? []).map((code) => this.#pictureOf(code)),
      ...actions,
    );
  }

  #pictureOf(code: Code): HTMLElement {
    const picture = this.#pictures.get(code) ?? draw(code);
    this.#pictures.set(code, picture);
    return picture;
  }

  #actions(booking: Booking): HTMLElement[] {
    const { id, status, payment, total } = booking;
    const purchases = this.#purchases;
    if (status === "confirmed") {
      const save = button("Save as PDF", () => void this.#attempt(() => this.#savePdf(id)));
      const cancel = button("Cancel and get the money back", () => void this.#cancelPaid(booking));
      return purchases.codesOf(booking) === undefined ? [cancel] : [save, cancel];
    }
    if (!purchases.isToBePaid(booking)) return [];
    const cancel = button("Cancel", () => void this.#attempt(() => purchases.cancel(id)));
    if (status !== "paying") return [button("Pay", () => void this.#attempt(() => purchases.pay(id))), cancel];
    const next = payment?.next;
    if (next === undefined || !("url" in next)) return [cancel];
    const others = purchases.bookings.some((other) => other.id !== id && purchases.isToBePaid(other));
    const words = others ? `Pay ${formatMoney(total)} for ${seatsOf(booking)}` : `Pay ${formatMoney(total)}`;
    return [create("a", { href: next.url, target: "_blank", rel: "noopener", className: "main" }, words), cancel];
  }
}

function draw({ label, svg }: Code): HTMLElement {
  const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  const picture = create("img", { src, alt: `Code of seat ${label}` });
  return create("figure", { className: "code" }, picture, create("figcaption", {}, label));
}
