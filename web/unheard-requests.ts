import type { BestSeats, UsherClient } from "../client/index.ts";
import type { Session } from "./session.ts";

/** As long as servers remember a request, less what asking takes. */
const REMEMBERED_MS = 9 * 60_000;

interface SeatsWish {
  readonly seats: readonly number[];
}

interface BestWish {
  readonly best: BestSeats;
  readonly accessible: boolean;
}

export type Wish = (SeatsWish & { readonly accessible: boolean }) | BestWish;

/** A request for seats that no answer came to: they may be held all the same. */
export interface Unheard {
  readonly rid: string;
  readonly wish: Wish;
  /** The token that it was asked with. */
  readonly guest: string | undefined;
  /** On the client's clock. */
  readonly since: number;
}

/** What was wished for and not heard of. Wished for once more, it is the same request, which gets its first answer. */
export class UnheardRequests {
  readonly #client: UsherClient;
  readonly #session: Session;
  readonly #requests = new Map<string, Unheard>();

  constructor(client: UsherClient, session: Session) {
    this.#client = client;
    this.#session = session;
  }

  get wishes(): Wish[] {
    return [...this.#requests.values()].filter((unheard) => this.#isRemembered(unheard)).map(({ wish }) => wish);
  }

  has(wish: SeatsWish | BestWish): boolean {
    const unheard = this.#requests.get(keyOf(wish));
    return unheard !== undefined && this.#isRemembered(unheard);
  }

  keep(unheard: Unheard): void {
    this.#requests.set(keyOf(unheard.wish), unheard);
  }

  /** The request to ask again, which is not kept any more. */
  take(wish: Wish): Unheard | undefined {
    const unheard = this.#requests.get(keyOf(wish));
    this.forget(wish);
    return unheard !== undefined && this.#isRemembered(unheard) ? unheard : undefined;
  }

  forget(wish: SeatsWish | BestWish): void {
    this.#requests.delete(keyOf(wish));
  }

  /** Asked by another guest, or when it is forgotten, it would be a new request. */
  #isRemembered({ guest, since }: Unheard): boolean {
    return guest === this.#session.savedToken && this.#client.now() - since < REMEMBERED_MS;
  }
}

/** Seats that may be this guest's are these seats however they were asked for; which are the best depends on it. */
function keyOf(wish: SeatsWish | BestWish): string {
  if ("seats" in wish) return wish.seats.join();
  const { best, accessible } = wish;
  return JSON.stringify([best.count, best.category, accessible]);
}
