import type { UsherClient } from "../../client/index.ts";
import type { Session } from "../session.ts";
import { type BestWish, keyOf, type SeatsWish, type Wish } from "./wish.ts";

/** As long as servers remember a request, less what asking takes. */
const REMEMBERED_MS = 9 * 60_000;

/** A request for seats that no answer came to: they may be held all the same. */
export interface Unheard {
  readonly rid: string;
  readonly wish: Wish;
  /** The token that it was asked with; undefined where there was none yet. */
  readonly guest: string | undefined;
  /** On the client's clock. */
  readonly since: number;
  /** Whether it was asked before. */
  readonly isAgain: boolean;
}

/**
 * What was wished for in one showtime and not heard of, or not yet. Wished for once more, it is the same request, which gets its first
 * answer; also by a page that was loaded anew, so the session keeps it from before it is sent.
 */
export class UnheardRequests {
  readonly #client: UsherClient;
  readonly #session: Session;
  readonly #showtime: string;
  /** On their way, by id. */
  readonly #asked = new Map<string, Unheard>();
  /** Given up, by what was wished for. */
  readonly #requests = new Map<string, Unheard>();

  constructor(client: UsherClient, session: Session, showtime: string) {
    this.#client = client;
    this.#session = session;
    this.#showtime = showtime;
    const guest = session.savedToken;
    for (const { rid, wish, ageMs } of session.requestsOf(showtime)) {
      this.#requests.set(keyOf(wish), { rid, wish, guest, since: client.now() - ageMs, isAgain: true });
    }
  }

  get wishes(): Wish[] {
    return [...this.#requests.values()].filter((unheard) => this.#isRemembered(unheard)).map(({ wish }) => wish);
  }

  has(wish: SeatsWish | BestWish): boolean {
    const unheard = this.#requests.get(keyOf(wish));
    return unheard !== undefined && this.#isRemembered(unheard);
  }

  /** Whether no answer is to be waited for, or to be asked for again. */
  get isEmpty(): boolean {
    return this.#asked.size === 0 && this.wishes.length === 0;
  }

  /** The request to send now. It is to be `answered`, or given up. */
  ask(wish: Wish): Unheard {
    const before = this.#requests.get(keyOf(wish));
    this.#requests.delete(keyOf(wish));
    const [guest, since] = [this.#session.savedToken, this.#client.now()];
    const request =
      before !== undefined && this.#isRemembered(before)
        ? { ...before, wish, isAgain: true }
        : { rid: this.#client.requestId(), wish, guest, since, isAgain: false };
    this.#asked.set(request.rid, request);
    this.#save();
    return request;
  }

  answered({ rid }: Unheard): void {
    this.#asked.delete(rid);
    this.#save();
  }

  /** What became of it is not known. */
  giveUp(request: Unheard): void {
    this.#asked.delete(request.rid);
    this.#requests.set(keyOf(request.wish), { ...request, guest: request.guest ?? this.#session.savedToken });
    this.#save();
  }

  forget(wish: SeatsWish | BestWish): void {
    if (this.#requests.delete(keyOf(wish))) this.#save();
  }

  /** Asked by another guest, or when it is forgotten, it would be a new request. */
  #isRemembered({ guest, since }: Unheard): boolean {
    const { savedToken } = this.#session;
    return (guest ?? savedToken) === savedToken && this.#client.now() - since < REMEMBERED_MS;
  }

  #save(): void {
    const now = this.#client.now();
    const all = [...this.#asked.values(), ...this.#requests.values()].filter((unheard) => this.#isRemembered(unheard));
    const kept = all.map(({ rid, wish, since }) => ({ rid, wish, ageMs: now - since }));
    this.#session.keepRequests(this.#showtime, kept);
  }
}
