import type { RestClient, TokenReason } from "../client/index.ts";
import type { Wish } from "./hall/wish.ts";

const STORE = "usher.guest";
/** A token that is about to end has no more than this left. */
const ENDING_MS = 60_000;

/** Where a tab keeps its guest. */
type Shelf = Pick<Storage, "getItem" | "setItem">;

/** The tab's own; nothing where the browser keeps nothing for pages, and then a reload forgets the guest. */
export function shelfOfTab(): Shelf {
  try {
    return sessionStorage;
  } catch {
    return {
      getItem: () => null,
      setItem: () => {
        throw new Error("this browser keeps nothing for pages");
      },
    };
  }
}

interface SessionOptions {
  readonly rest: RestClient;
  readonly storage: Shelf;
  /** What the guest has is another now, or who that is. */
  readonly changed?: () => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

interface StoredRequest {
  readonly rid: string;
  readonly wish: Wish;
  /** On the wall clock, which goes on while a page is loaded anew. */
  readonly since: number;
}

/** A request for seats that there was no answer to yet. */
interface AskedRequest extends Omit<StoredRequest, "since"> {
  /** Since it was asked, in milliseconds. */
  readonly ageMs: number;
}

interface Stored {
  readonly token?: string;
  /** Ids of holds by showtime, so that a reloaded page finds its seats again. */
  readonly holds: Readonly<Record<string, readonly string[]>>;
  /** By showtime, so that a reloaded page asks again for what it had no answer to. */
  readonly requests?: Readonly<Record<string, readonly StoredRequest[]>>;
  /** Whether the guest may have bookings. */
  readonly booked?: boolean;
}

/** The guest that this tab buys as. It is made when the first seat is wanted: who only looks needs none. */
export class Session {
  readonly #rest: RestClient;
  readonly #storage: Shelf;
  readonly #changed: () => void;
  readonly #now: () => number;
  #stored: Stored;
  #isOver = false;
  #isKept = true;
  /** Counts the guests asked for. */
  #guests = 0;
  /** Requests under way that may bring this guest something. */
  #awaited = 0;
  /** When the present token was first said to be about to end. */
  #endingSince: number | undefined;

  constructor({ rest, storage, changed = () => {}, now = Date.now }: SessionOptions) {
    this.#rest = rest;
    this.#storage = storage;
    this.#changed = changed;
    this.#now = now;
    this.#stored = read(storage);
  }

  get savedToken(): string | undefined {
    return this.#stored.token;
  }

  /**
   * For the client: the guest's token while it is good, else a new guest's. A guest who has something stays to the very end of
   * the token, because nobody else can give it back, pay for it or see its codes.
   * @throws (rejects) while a token that is about to end is still needed.
   */
  readonly token = async (why: TokenReason): Promise<string> => {
    const { token } = this.#stored;
    if (token !== undefined && why === "connecting") return token;
    this.#letGo(why);
    const asked = ++this.#guests;
    const { accessToken } = await this.#rest.guest();
    // The guest may have come by something meanwhile.
    this.#letGo(why);
    // The client signs in as the guest that it asked for last, whichever answer comes last.
    if (asked === this.#guests) {
      this.#endingSince = undefined;
      // What was asked for before there was any guest is this one's.
      const { requests = {} } = this.#stored;
      this.#save({ token: accessToken, holds: {}, requests: token === undefined ? requests : {} });
    }
    return accessToken;
  };

  /** Whether the guest may have bookings. */
  get hasBooked(): boolean {
    return this.#stored.booked ?? false;
  }

  /** Whether the guest is still there when the page is loaded anew, as far as it was tried. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Those of all showtimes. */
  get holds(): readonly string[] {
    return Object.values(this.#stored.holds).flat();
  }

  /** From now on this tab has no guest, and keeps nothing until the page is loaded anew: what is still under way is nobody's. */
  forget(): void {
    this.#save({ holds: {} });
    this.#isOver = true;
  }

  holdsOf(showtime: string): readonly string[] {
    return this.#stored.holds[showtime] ?? [];
  }

  keepHolds(showtime: string, holds: readonly string[]): void {
    this.#save({ ...this.#stored, holds: { ...this.#stored.holds, [showtime]: holds } });
  }

  requestsOf(showtime: string): AskedRequest[] {
    const stored = this.#stored.requests?.[showtime] ?? [];
    return stored.map(({ since, ...request }) => ({ ...request, ageMs: this.#now() - since }));
  }

  keepRequests(showtime: string, requests: readonly AskedRequest[]): void {
    const stored = requests.map(({ ageMs, ...request }) => ({ ...request, since: this.#now() - ageMs }));
    this.#save({ ...this.#stored, requests: { ...this.#stored.requests, [showtime]: stored } });
  }

  /** Does what may bring the guest something, who counts until then as one who has it. */
  async awaiting(request: () => Promise<void>): Promise<void> {
    this.#awaited++;
    try {
      await request();
    } finally {
      this.#awaited--;
    }
  }

  /** To be called before the first booking is asked for: it may be made though no answer comes. */
  keepBooked(): void {
    this.#save({ ...this.#stored, booked: true });
  }

  #letGo(why: TokenReason): void {
    if (why !== "ending") return;
    this.#endingSince ??= this.#now();
    const isOver = this.#now() - this.#endingSince >= ENDING_MS;
    if (!isOver && this.hasSomething) throw new Error("a guest's token cannot be renewed");
  }

  /** Whether the guest has, or may have, anything that nobody else can get at. */
  get hasSomething(): boolean {
    return this.hasBooked || this.#awaited > 0 || this.holds.length > 0;
  }

  #save(stored: Stored): void {
    if (this.#isOver) return;
    this.#stored = stored;
    try {
      this.#storage.setItem(STORE, JSON.stringify(stored));
      this.#isKept = true;
    } catch {
      // Private windows may refuse to store; then a reload forgets the guest.
      this.#isKept = false;
    }
    this.#changed();
  }
}

function read(storage: Shelf): Stored {
  try {
    // The cast: written by this class alone; whatever else it is fails at the server, not here.
    return { holds: {}, ...(JSON.parse(storage.getItem(STORE) ?? "{}") as Partial<Stored>) };
  } catch {
    return { holds: {} };
  }
}
