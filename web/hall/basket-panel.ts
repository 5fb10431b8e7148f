import type { Showtime } from "../../client/index.ts";
import type { Basket } from "./basket.ts";
import { button, byId, create, replaceItems } from "../dom.ts";
import { formatCountdown, formatList, formatMoney } from "../format.ts";
import { say } from "../messages.ts";

const TICK_MS = 250;
const URGENT_MS = 60_000;

export interface BasketPanelOptions {
  readonly basket: Basket;
  /** With its present price. */
  readonly categoryOf: (seat: number) => Showtime["categories"][number] | undefined;
  readonly labelOf: (seat: number) => string;
}

/** What is in the basket, what it costs, and how long it is kept. */
export class BasketPanel {
  readonly #options: BasketPanelOptions;
  readonly #stop = new AbortController();
  readonly #ticking: ReturnType<typeof setInterval>;
  readonly #sight: IntersectionObserver;
  #isInSight = true;
  #shown = "";
  #warned = false;

  constructor(options: BasketPanelOptions) {
    this.#options = options;
    const { basket } = options;
    const { signal } = this.#stop;
    byId("extend", HTMLButtonElement).addEventListener("click", () => void basket.extend(), { signal });
    byId("release-all", HTMLButtonElement).addEventListener("click", () => void basket.giveBack(basket.seats), {
      signal,
    });
    byId("bar", HTMLButtonElement).addEventListener("click", () => byId("basket-title", HTMLElement).focus(), {
      signal,
    });
    this.#sight = new IntersectionObserver((sights) => {
      this.#isInSight = sights.at(-1)?.isIntersecting ?? true;
      this.#showBar();
    });
    this.#sight.observe(byId("pay", HTMLButtonElement));
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  update(): void {
    const { basket, categoryOf } = this.#options;
    const { seats } = basket;
    const box = byId("basket", HTMLElement);
    const isLeft = seats.length === 0 && box.contains(document.activeElement);
    box.hidden = seats.length === 0;
    byId("basket-empty", HTMLElement).hidden = seats.length > 0;
    // Others' seats change many times a second, and a button must not be replaced under a finger.
    const now = JSON.stringify([basket.groups, seats.map(categoryOf)]);
    if (now !== this.#shown) this.#showSeats(seats);
    this.#shown = now;
    if (isLeft) byId("basket-title", HTMLElement).focus();
    this.#showBar();
    this.#showTime();
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#sight.disconnect();
    this.#stop.abort();
    byId("bar", HTMLElement).hidden = true;
  }

  #tick(): void {
    this.#options.basket.dropExpired();
    this.#showTime();
  }

  /** On a phone the basket is a screen below the hall: this says what is in it, and leads there. */
  #showBar(): void {
    byId("bar", HTMLElement).hidden = this.#isInSight || this.#options.basket.seats.length === 0;
  }

  #showSeats(seats: readonly number[]): void {
    const { basket, categoryOf, labelOf } = this.#options;
    let total = 0;
    let currency = "EUR";
    const lines = seats.map((seat) => {
      const category = categoryOf(seat);
      total += category?.price.amount ?? 0;
      currency = category?.price.currency ?? currency;
      const price = category === undefined ? "" : formatMoney(category.price);
      const back = button("Give back", () => void basket.giveBack([seat]));
      back.setAttribute("aria-label", `Give back ${labelOf(seat)}`);
      return create(
        "li",
        {},
        create("span", {}, create("strong", {}, labelOf(seat)), ` ${category?.name ?? ""} ${price}`),
        back,
      );
    });
    replaceItems(byId("basket-seats", HTMLElement), lines, ([next]) => next ?? byId("basket-title", HTMLElement));
    byId("total", HTMLElement).textContent = formatMoney({ amount: total, currency });
    const count = seats.length === 1 ? "1 seat" : `${seats.length} seats`;
    byId("bar-seats", HTMLElement).textContent = `${count}, ${formatMoney({ amount: total, currency })}`;
    const payments = basket.groups.map((group) => formatList(group.map(labelOf)));
    const note = byId("payments", HTMLElement);
    note.hidden = payments.length < 2;
    note.textContent = `Chosen apart, paid for in ${payments.length} payments: ${payments.join("; ")}.`;
  }

  #showTime(): void {
    const left = this.#options.basket.msLeft;
    if (left === undefined) {
      this.#warned = false;
      return;
    }
    const text = formatCountdown(left);
    const urgent = left <= URGENT_MS;
    for (const countdown of [byId("countdown", HTMLElement), byId("bar-time", HTMLElement)]) {
      if (countdown.textContent !== text) countdown.textContent = text;
      countdown.toggleAttribute("data-urgent", urgent);
    }
    if (urgent && !this.#warned) say("One minute left for your seats.");
    this.#warned = urgent;
  }
}
