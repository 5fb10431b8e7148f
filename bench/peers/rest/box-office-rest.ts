import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { BoxOffice } from "../front/box-office.ts";
import { HOLD_TTL_MS } from "../front/seat-store.ts";
import { PostgresStore } from "../postgres/postgres-store.ts";
import { STRATEGIES } from "../postgres/strategies.ts";
import { type Catalogue, copyDemo, type Layout, type PageQuery, pageOf } from "./catalogue.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const NOT_FOUND: Answer = { status: 404, body: { code: "NOT_FOUND" } };

/** What the REST peers do behind their routes: the catalogue from memory, seats in PostgreSQL by `SELECT ... FOR UPDATE`. */
export class BoxOfficeRest {
  readonly #catalogue: Catalogue;
  /** By id, where the showtime stands in the catalogue: what seats are kept by. */
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #office: BoxOffice;
  readonly #store: PostgresStore;
  readonly #holds = new Map<string, number>();
  #guests = 0;

  private constructor(catalogue: Catalogue, store: PostgresStore, office: BoxOffice) {
    this.#catalogue = catalogue;
    this.#numbers = new Map(catalogue.showtimes.map(({ id }, number) => [id, number]));
    this.#store = store;
    this.#office = office;
  }

  static async open(databaseUrl: string): Promise<BoxOfficeRest> {
    const catalogue = await copyDemo(databaseUrl);
    const strategy = STRATEGIES["for-update"];
    if (strategy === undefined) throw new TypeError("the strategy has another name");
    const store = await PostgresStore.connect(databaseUrl, strategy);
    const office = await BoxOffice.open({
      store: {
        frontNumber: () => store.frontNumber(),
        hold: (hold) => store.hold(hold),
        release: (hold) => store.release(hold),
        // Halls differ in size.
        async open(showtimes) {
          for (const showtime of showtimes) await store.open([showtime], catalogue.showtimes[showtime]?.seatCount ?? 0);
        },
      },
      show: () => undefined, // Nobody watches.
    });
    return new BoxOfficeRest(catalogue, store, office);
  }

  /** A guest's token is a number, which costs nothing to read: less than the signed one that a real shop would have to check. */
  guest(): Answer {
    const id = String(++this.#guests);
    return { status: 201, body: { user: { id, role: "guest" }, accessToken: id } };
  }

  movies(query: PageQuery): unknown {
    return pageOf(this.#catalogue.movies, query);
  }

  showtimes(query: PageQuery): unknown {
    return pageOf(this.#catalogue.showtimes, query);
  }

  /** Kept as the bytes that are sent. */
  layout(id: string): Layout | undefined {
    return this.#catalogue.layouts.get(id);
  }

  /** Read anew for each request: nobody is to be shown a seat as free that was taken before he asked. */
  async seats(id: string): Promise<Answer> {
    const showtime = this.#numbers.get(id);
    if (showtime === undefined) return NOT_FOUND;
    await this.#office.opened(showtime);
    const statuses = await this.#store.statusesOf(showtime);
    return { status: 200, body: { showtimeId: id, epoch: 1, seq: 1, statuses } };
  }

  async hold(id: string, body: unknown, authorization: string | undefined): Promise<Answer> {
    const showtime = this.#numbers.get(id);
    if (showtime === undefined) return NOT_FOUND;
    const { seats } = (body ?? {}) as { seats?: unknown }; // Checked by the box office.
    const [op, , what] = await this.#ask(authorization, [CLIENT_OP.hold, 0, showtime, seats]);
    if (op !== SERVER_OP.held) return { status: what === "SEAT_TAKEN" ? 409 : 400, body: { code: what, seats } };
    const holdId = `${id}.${Number(what).toString(36)}`;
    this.#holds.set(holdId, Number(what));
    const expiresAt = new Date(Date.now() + HOLD_TTL_MS).toISOString();
    return {
      status: 201,
      body: { holdId, showtimeId: id, seats, expiresAt, expiresInMs: HOLD_TTL_MS, status: "held" },
    };
  }

  async release(holdId: string, authorization: string | undefined): Promise<Answer> {
    const hold = this.#holds.get(holdId);
    if (hold === undefined) return NOT_FOUND;
    const [op, , code] = await this.#ask(authorization, [CLIENT_OP.release, 0, 0, hold]);
    if (op !== SERVER_OP.released) return { status: 404, body: { code } };
    this.#holds.delete(holdId);
    return { status: 204, body: undefined };
  }

  #ask(authorization: string | undefined, message: readonly unknown[]): Promise<readonly unknown[]> {
    const id = Number(authorization?.replace(/^Bearer /, "") ?? 0) || 0;
    return new Promise((answer) => void this.#office.receive({ id, answer }, message));
  }
}
