import type { Hall, Layout, LayoutSeat, RestClient, Showtime, UsherClient } from "../../client/index.ts";
import { SEAT_STATUS } from "../../proto/index.ts";
import type { Basket } from "./basket.ts";
import { BasketPanel } from "./basket-panel.ts";
import { byId } from "../dom.ts";
import { LOOK } from "../floor/painter.ts";
import { SeatMap } from "../floor/seat-map.ts";
import { formatMoney, formatWhen } from "../format.ts";
import { showLegend } from "./legend.ts";
import { say, tell } from "../messages.ts";
import { PurchasePanel } from "../purchase/purchase-panel.ts";
import { isOnSale, saleWords } from "./sale-words.ts";
import { SeatList } from "./seat-list.ts";
import type { Session } from "../session.ts";
import { ShowtimeNews } from "./showtime-news.ts";

const CHOOSE_WORDS = "None yet. Choose seats in the hall: they are yours from the click on.";

export interface HallPageOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  readonly session: Session;
  /** As it was read for this visit. */
  readonly showtime: Showtime;
  readonly layout: Layout;
  readonly hall: Hall;
  readonly basket: Basket;
  readonly labelOf: (seat: number) => string;
}

/** One hall, live: the map, the list, the basket, and the words that tell what happens. */
export class HallPage {
  readonly #options: HallPageOptions;
  readonly #basket: Basket;
  readonly #map: SeatMap;
  readonly #list: SeatList;
  readonly #panel: BasketPanel;
  readonly #purchases: PurchasePanel;
  readonly #news: ShowtimeNews;
  readonly #categories: ReadonlyMap<string, number>;
  readonly #stop = new AbortController();
  readonly #unlisten: (() => void)[];
  /** The best seats were asked for, and there is no answer yet. */
  #isFinding = false;
  #isOnSale = false;
  /** What was said last of the sale, and of the prices. */
  #saleWords = "";
  #prices = "";

  constructor(options: HallPageOptions) {
    this.#options = options;
    const { client, rest, session, showtime, layout, hall, basket, labelOf } = options;
    this.#categories = new Map(layout.categories.map(({ id }, index) => [id, index]));
    this.#basket = basket;
    this.#news = new ShowtimeNews({ client, rest, showtime, changed: () => this.#showNews() });
    this.#purchases = new PurchasePanel({
      client,
      rest,
      session,
      basket,
      showtime: showtime.id,
      seatsChanged: () => this.update(),
    });
    this.#map = new SeatMap({
      canvas: byId("seats", HTMLCanvasElement),
      layout,
      lookOf: (seat) => this.#lookOf(seat),
      chosen: (seat) => this.#choose(seat),
      visited: (seat) => say(this.#describe(seat)),
      hovered: (seat, at) => this.#showTip(seat, at),
    });
    this.#list = new SeatList({
      seats: layout.seats,
      describe: (seat) => this.#describe(seat),
      isMine: (seat) => this.#basket.has(seat) || this.#purchases.has(seat),
      isOpen: (seat) => this.#basket.has(seat) || this.#isOpen(seat),
      chosen: (seat) => this.#choose(seat),
    });
    this.#panel = new BasketPanel({ basket, labelOf, categoryOf: (seat) => this.#categoryOf(layout.seats[seat]) });
    const follow = (freed: readonly number[]): void => {
      basket.sawFree(freed);
      this.update();
    };
    this.#unlisten = [
      hall.on("change", (changes) =>
        follow(changes.filter(({ status }) => status === SEAT_STATUS.free).map(({ seat }) => seat)),
      ),
      hall.on("snapshot", ({ statuses }) => follow(basket.seats.filter((seat) => statuses[seat] === SEAT_STATUS.free))),
    ];
    this.#showHead();
    this.#listen();
    this.update();
  }

  /** A seat was refused since the show is not on sale: the page did not know. */
  lookAtSale(): void {
    void this.#news.look();
  }

  close(): void {
    this.#stop.abort();
    for (const unlisten of this.#unlisten) unlisten();
    this.#news.close();
    this.#panel.close();
    this.#purchases.close();
    this.#list.close();
    this.#map.close();
    // What was chosen in this hall is none of the next one's categories.
    byId("best-category", HTMLSelectElement).replaceChildren();
  }

  /** Seats or times have changed. */
  update(): void {
    this.#map.redraw();
    this.#list.update();
    this.#panel.update();
    const counts = [0, 0, 0, 0];
    for (const status of this.#options.hall.statuses) counts[status] = (counts[status] ?? 0) + 1;
    byId("tally", HTMLElement).textContent = this.#isOnSale
      ? `${counts[0]} free, ${counts[1]} being decided on, ${counts[2]} booked`
      : `${this.#options.hall.statuses.length} seats, ${counts[2]} booked`;
  }

  #lookOf(seat: number): number {
    if (this.#basket.has(seat) || this.#purchases.has(seat)) return LOOK.mine;
    if (this.#basket.isAsked(seat)) return LOOK.asked;
    const status = this.#options.hall.statuses[seat];
    if (status === SEAT_STATUS.held) return LOOK.held;
    if (status === SEAT_STATUS.booked) return LOOK.booked;
    if (status === SEAT_STATUS.blocked) return LOOK.blocked;
    if (!this.#isOnSale) return LOOK.blocked;
    // There are looks for four.
    const category = this.#options.layout.seats[seat]?.category ?? "";
    return LOOK.free + Math.min(3, this.#categories.get(category) ?? 0);
  }

  #categoryOf(seat: LayoutSeat | undefined): Showtime["categories"][number] | undefined {
    return this.#news.showtime.categories.find(({ id }) => id === seat?.category);
  }

  #choose(seat: number): void {
    if (this.#basket.has(seat)) {
      void this.#basket.giveBack([seat]).then(() => say(this.#describe(seat)));
    } else if (this.#isOpen(seat) && !this.#basket.isAsked(seat)) {
      void this.#basket.take([seat], this.#accessible).then(() => say(this.#describe(seat)));
    } else {
      if (!this.#isOnSale) this.#tellOfSale();
      say(this.#describe(seat));
    }
  }

  #isOpen(seat: number): boolean {
    const isFree = this.#isOnSale && this.#options.hall.statuses[seat] === SEAT_STATUS.free;
    return isFree || this.#isPerhapsMine(seat);
  }

  #isPerhapsMine(seat: number): boolean {
    return this.#options.hall.statuses[seat] === SEAT_STATUS.held && this.#basket.isUnheard(seat);
  }

  /** `Row F, seat 12, Premium, 15 €, free`. */
  #describe(index: number): string {
    const { layout, hall } = this.#options;
    const seat = layout.seats[index];
    if (seat === undefined) return "";
    const category = this.#categoryOf(seat);
    const kind = seat.accessible ? "wheelchair place" : seat.companion ? "companion’s seat" : undefined;
    const state = this.#basket.has(index)
      ? "yours"
      : this.#purchases.has(index)
        ? "yours, booked"
        : this.#isPerhapsMine(index)
          ? "perhaps yours: choose it once more"
          : [this.#isOnSale ? "free" : "not on sale now", "somebody is deciding on it", "booked", "not for sale"][
              hall.statuses[index] ?? 0
            ];
    const price = category === undefined ? undefined : `${category.name}, ${formatMoney(category.price)}`;
    const section = this.#map.plan.sectionLabels.length > 0 ? seat.section : undefined;
    return [section, `Row ${seat.row}, seat ${seat.number}`, kind, price, state].filter(Boolean).join(", ");
  }

  #showTip(seat: number | undefined, at: { readonly x: number; readonly y: number }): void {
    const tip = byId("tip", HTMLElement);
    tip.hidden = seat === undefined;
    if (seat === undefined) return;
    tip.textContent = this.#describe(seat);
    const room = byId("map", HTMLElement).clientWidth - tip.offsetWidth - 8;
    const x = Math.max(8, Math.min(room, at.x - tip.offsetWidth / 2));
    const y = at.y > 56 ? at.y - 52 : at.y + 28;
    tip.style.transform = `translate(${x}px, ${y}px)`;
  }

  #showHead(): void {
    const { showtime } = this.#news;
    const now = this.#options.rest.now();
    const { title, cinemaName, hallName, startsAt, timeZone } = showtime;
    document.title = `${title} · Usher`;
    byId("hall-title", HTMLElement).textContent = title;
    byId("hall-where", HTMLElement).textContent = `${formatWhen(startsAt, timeZone)} · ${cinemaName}, ${hallName}`;
    this.#isOnSale = isOnSale(showtime, now);
    this.#saleWords = saleWords(showtime, now);
    byId("hall-sale", HTMLElement).textContent = this.#saleWords;
    byId("basket-empty", HTMLElement).textContent = this.#isOnSale ? CHOOSE_WORDS : this.#saleWords;
    this.#showPrices();
  }

  #showPrices(): void {
    const { categories } = this.#news.showtime;
    const prices = JSON.stringify(categories);
    // A choice must not be taken out of a finger, nor its list.
    if (prices === this.#prices) return;
    this.#prices = prices;
    const category = byId("best-category", HTMLSelectElement);
    const chosen = category.value;
    const options = categories.map(({ id, name, price }) => new Option(`${name}, ${formatMoney(price)}`, id));
    category.replaceChildren(new Option("Any", ""), ...options);
    category.value = chosen;
    this.#showLegend();
  }

  #showLegend(): void {
    showLegend(this.#news.showtime, this.#options.layout);
  }

  #showNews(): void {
    const [sale, prices] = [this.#saleWords, this.#prices];
    this.#showHead();
    this.update();
    if (this.#saleWords !== sale) tell(this.#saleWords);
    if (this.#prices !== prices) tell("The prices of this show have changed.");
  }

  /** Where the page is wrong about it, it finds out. */
  #tellOfSale(): void {
    tell(this.#saleWords);
    void this.#news.look();
  }

  #listen(): void {
    const { signal } = this.#stop;
    const onClick = (id: string, act: () => void): void =>
      byId(id, HTMLButtonElement).addEventListener("click", act, { signal });
    onClick("zoom-in", () => this.#map.zoomIn());
    onClick("zoom-out", () => this.#map.zoomOut());
    onClick("zoom-fit", () => this.#map.fit());
    byId("best", HTMLFormElement).addEventListener("submit", (event) => this.#findBest(event), { signal });
    const showLegend = (): void => this.#showLegend();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showLegend, { signal });
    // The browser's graphics have started anew: what is on its canvases is lost as well.
    byId("seats", HTMLCanvasElement).addEventListener("contextrestored", showLegend, { signal });
  }

  get #accessible(): boolean {
    return byId("accessible", HTMLInputElement).checked;
  }

  #findBest(event: SubmitEvent): void {
    event.preventDefault();
    if (!this.#isOnSale) return this.#tellOfSale();
    // Of two clicks the second wants nothing more.
    if (this.#isFinding) return;
    this.#isFinding = true;
    const count = byId("best-count", HTMLInputElement).valueAsNumber;
    const category = byId("best-category", HTMLSelectElement).value;
    void this.#basket.takeBest({ count, ...(category !== "" && { category }) }, this.#accessible).then(([first]) => {
      this.#isFinding = false;
      if (first !== undefined) this.#map.reveal(first);
    });
  }
}
