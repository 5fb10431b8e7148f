import type { LayoutSeat } from "../../client/index.ts";
import { button, byId, create } from "../dom.ts";
import { groupBy } from "../group-by.ts";

export interface SeatListOptions {
  readonly seats: readonly LayoutSeat[];
  /** In words: `free, Premium, 15 €`. */
  readonly describe: (seat: number) => string;
  readonly isMine: (seat: number) => boolean;
  readonly isOpen: (seat: number) => boolean;
  readonly chosen: (seat: number) => void;
}

/** The same seats as buttons, a row at a time: for screen readers, voice control, and whoever likes lists better. */
export class SeatList {
  readonly #options: SeatListOptions;
  readonly #details = byId("list", HTMLDetailsElement);
  readonly #sections = byId("list-section", HTMLSelectElement);
  readonly #rows = byId("list-row", HTMLSelectElement);
  readonly #list = byId("list-seats", HTMLUListElement);
  readonly #plan: Map<string, Map<string, LayoutSeat[]>>;
  readonly #stop = new AbortController();
  #buttons = new Map<number, HTMLButtonElement>();

  constructor(options: SeatListOptions) {
    this.#options = options;
    const bySection = groupBy(options.seats, ({ section }) => section);
    this.#plan = new Map([...bySection].map(([section, seats]) => [section, groupBy(seats, ({ row }) => row)]));
    const { signal } = this.#stop;
    this.#sections.replaceChildren(...[...this.#plan.keys()].map((name) => new Option(name)));
    this.#sections.addEventListener("change", () => this.#showRows(), { signal });
    this.#rows.addEventListener("change", () => this.#showSeats(), { signal });
    this.#details.addEventListener("toggle", () => this.update(), { signal });
    this.#showRows();
  }

  /** Some seats changed: says so on the buttons that are there. */
  update(): void {
    if (!this.#details.open) return;
    for (const [seat, element] of this.#buttons) {
      const { describe, isMine, isOpen } = this.#options;
      element.setAttribute("aria-pressed", String(isMine(seat)));
      // Whoever calls a button by voice says what stands on it.
      element.setAttribute("aria-label", `${element.textContent}, ${describe(seat)}`);
      element.title = describe(seat);
      // Not `disabled`: the seat may come back, and focus must not jump away.
      element.setAttribute("aria-disabled", String(!isOpen(seat)));
      element.style.opacity = isOpen(seat) ? "" : "0.45";
    }
  }

  close(): void {
    this.#stop.abort();
    this.#list.replaceChildren();
  }

  #showRows(): void {
    const rows = this.#plan.get(this.#sections.value);
    this.#rows.replaceChildren(...[...(rows?.keys() ?? [])].map((name) => new Option(name)));
    this.#showSeats();
  }

  #showSeats(): void {
    const seats = this.#plan.get(this.#sections.value)?.get(this.#rows.value) ?? [];
    this.#buttons = new Map(seats.map(({ index, label }) => [index, button(label, () => this.#options.chosen(index))]));
    this.#list.replaceChildren(...[...this.#buttons.values()].map((element) => create("li", {}, element)));
    this.update();
  }
}
