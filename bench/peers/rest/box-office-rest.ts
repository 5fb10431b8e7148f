import { SingleFlight } from "../../../services/catalog/cache/single-flight.ts";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { BoxOffice } from "../front/box-office.ts";
import { HOLD_TTL_MS } from "../front/seat-store.ts";
import { PostgresStore } from "../postgres/postgres-store.ts";
import { STRATEGIES } from "../postgres/strategies.ts";
import { type Catalogue, copyDemo, type PageQuery, pageOf, type Ready, readyOf, type Showtime } from "./catalogue.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Pages of lists that are kept, each as somebody asked for it. */
const PAGES_KEPT_MAX = 1_000;
const NOT_FOUND: Answer = { status: 404, body: { code: "NOT_FOUND" } };

/**
 * What the REST peers do behind their routes: the catalogue from memory as the bytes that are sent, each written once; seats in PostgreSQL by
 * `SELECT ... FOR UPDATE`, and read once for all who wait.
 */
export class BoxOfficeRest {
  readonly #catalogue: Catalogue;
  /** What seats are kept by: those that the load may ask for first, the smallest of them first. */
  readonly #showtimes: readonly Showtime[];
  /** Where a showtime stands in them, by its id, or by that very number: the load generator does not know the ids. */
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #office: BoxOffice;
  readonly #pages = new Map<string, Ready>();
  /** By id. */
  readonly #showtimePages: ReadonlyMap<string, Ready>;
  readonly #seats: SingleFlight<Buffer>;
  /** By token. It is taken for what it is: less work than the signed one that a real shop would have to check. */
  readonly #holders = new Map<string, number>();
  #guests = 0;

  private constructor(catalogue: Catalogue, showtimes: readonly Showtime[], store: PostgresStore, office: BoxOffice) {
    this.#catalogue = catalogue;
    this.#showtimes = showtimes;
    this.#numbers = new Map(
      showtimes.flatMap(({ id }, number): [string, number][] => [
        [id, number],
        [String(number), number],
      ]),
    );
    this.#showtimePages = new Map(showtimes.map((showtime) => [showtime.id, readyOf(showtime)]));
    this.#seats = new SingleFlight(async (id) => {
      const statuses = await store.statusesOf(this.#numbers.get(id) ?? -1);
      return Buffer.from(JSON.stringify({ showtimeId: id, epoch: 1, seq: 1, statuses }));
    });
    this.#office = office;
  }

  static async open(databaseUrl: string): Promise<BoxOfficeRest> {
    const catalogue = await copyDemo(databaseUrl, (all) => bySize(all).slice(0, Number(process.env["SHOWTIMES"] ?? 1)));
    const showtimes = bySize(catalogue.showtimes);
    const strategy = STRATEGIES["for-update"];
    if (strategy === undefined) throw new TypeError("the strategy has another name");
    const store = await PostgresStore.connect(databaseUrl, strategy);
    const office = await BoxOffice.open({
      store: {
        frontNumber: () => store.frontNumber(),
        hold: (hold) => store.hold(hold),
        release: (hold) => store.release(hold),
        // Halls differ in size.
        async open(numbers) {
          for (const number of numbers) await store.open([number], showtimes[number]?.seatCount ?? 0);
        },
      },
      show: () => undefined, // Nobody watches.
    });
    return new BoxOfficeRest(catalogue, showtimes, store, office);
  }

  guest(): Answer {
    const id = `guest-${++this.#guests}`;
    return { status: 201, body: { user: { id, role: "guest" }, accessToken: id } };
  }

  movies(query: PageQuery): Ready {
    return this.#page("movies", query);
  }

  showtimes(query: PageQuery): Ready {
    return this.#page("showtimes", query);
  }

  showtime(id: string): Ready | undefined {
    return this.#showtimePages.get(this.#showtimeOf(id)?.id ?? "");
  }

  /** For the first SHOWTIMES alone, which is what the load asks for. */
  layout(id: string): Ready | undefined {
    return this.#catalogue.layouts.get(this.#showtimeOf(id)?.id ?? "");
  }

  /**
   * Read for all who wait, and never before they asked: nobody is to be shown a seat as free that was taken by then. Undefined when there is no
   * such showtime.
   */
  async seats(id: string): Promise<Buffer | undefined> {
    const showtime = this.#numbers.get(id);
    if (showtime === undefined) return undefined;
    await this.#office.opened(showtime);
    return this.#seats.get(id);
  }

  async hold(id: string, body: unknown, authorization: string | undefined): Promise<Answer> {
    const showtime = this.#numbers.get(id);
    if (showtime === undefined) return NOT_FOUND;
    const { seats } = (body ?? {}) as { seats?: unknown }; // Checked by the box office.
    const [op, , what] = await this.#ask(authorization, [CLIENT_OP.hold, 0, showtime, seats]);
    if (op !== SERVER_OP.held) return { status: what === "SEAT_TAKEN" ? 409 : 400, body: { code: what, seats } };
    const holdId = `${id}.${Number(what).toString(36)}`;
    const expiresAt = new Date(Date.now() + HOLD_TTL_MS).toISOString();
    return {
      status: 201,
      body: { holdId, showtimeId: id, seats, expiresAt, expiresInMs: HOLD_TTL_MS, status: "held" },
    };
  }

  async release(holdId: string, authorization: string | undefined): Promise<Answer> {
    const hold = Number.parseInt(holdId.slice(holdId.lastIndexOf(".") + 1), 36);
    const [op, , code] = await this.#ask(authorization, [CLIENT_OP.release, 0, 0, hold]);
    if (op !== SERVER_OP.released) return { status: 404, body: { code } };
    return { status: 204, body: undefined };
  }

  #page(list: "movies" | "showtimes", query: PageQuery): Ready {
    const key = `${list} ${query.limit ?? ""} ${query.cursor ?? ""}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      if (this.#pages.size >= PAGES_KEPT_MAX) this.#pages.clear();
      this.#pages.set(key, (page = readyOf(pageOf<unknown>(this.#catalogue[list], query))));
    }
    return page;
  }

  #showtimeOf(id: string): Showtime | undefined {
    return this.#showtimes[this.#numbers.get(id) ?? -1];
  }

  #ask(authorization: string | undefined, message: readonly unknown[]): Promise<readonly unknown[]> {
    const token = authorization ?? "";
    let id = this.#holders.get(token);
    if (id === undefined) this.#holders.set(token, (id = this.#holders.size + 1));
    const holder = id;
    return new Promise((answer) => void this.#office.receive({ id: holder, answer }, message));
  }
}

/** Those on sale with SEATS seats or more come first, by size, as the load generator numbers them at Usher; then the others. */
function bySize(showtimes: readonly Showtime[]): Showtime[] {
  const seats = Number(process.env["SEATS"] ?? 0);
  const isWanted = ({ seatCount, status }: Showtime): boolean => seatCount >= seats && status === "on-sale";
  const wanted = showtimes.filter(isWanted).sort((a, b) => a.seatCount - b.seatCount);
  return [...wanted, ...showtimes.filter((showtime) => !isWanted(showtime))];
}
