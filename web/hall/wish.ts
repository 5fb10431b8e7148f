import type { BestSeats } from "../../client/index.ts";

export interface SeatsWish {
  readonly seats: readonly number[];
}

export interface BestWish {
  readonly best: BestSeats;
  readonly accessible: boolean;
}

/** What a buyer asks for at once. */
export type Wish = (SeatsWish & { readonly accessible: boolean }) | BestWish;

/** Seats that may be this guest's are these seats however they were asked for; which are the best depends on it. */
export function keyOf(wish: SeatsWish | BestWish): string {
  if ("seats" in wish) return wish.seats.join();
  const { best, accessible } = wish;
  return JSON.stringify([best.count, best.category, accessible]);
}
