/** The page that a buyer sees: `#/` is what is on, `#/showtimes/ID` a hall. */
import {
  type Hall,
  type Layout,
  Refused,
  RestClient,
  type Showtime,
  Unreachable,
  UsherClient,
} from "../client/index.ts";
import { Basket } from "./hall/basket.ts";
import { ConnectionPill } from "./connection-pill.ts";
import { byId } from "./dom.ts";
import { Farewell } from "./farewell.ts";
import { formatCountdown, formatList, formatWhen } from "./format.ts";
import { HallPage } from "./hall/hall-page.ts";
import { tell } from "./messages.ts";
import { Pace } from "./pace.ts";
import { ProgrammePage } from "./programme-page.ts";
import { Session, shelfOfTab } from "./session.ts";
import { Unkept } from "./unkept.ts";
import { inPlainWords, whyNoMoreTime } from "./words.ts";

const VIEWS = ["programme", "hall", "failure"] as const;
/** Nobody looks at an empty page for longer without being told why. */
const EMPTY_MAX_MS = 10_000;
const SLOW_WORDS = "The box office is slow to answer, or cannot be reached. This page opens by itself once it can.";
const LOST_WORDS = {
  over: (seats: string) => `Your time is over: ${seats} may be taken by others again.`,
  // Given back there, or booked.
  elsewhere: (seats: string) => `No longer in your basket: ${seats}.`,
};

class Application {
  readonly #rest = new RestClient(location.origin);
  readonly #session: Session = new Session({
    rest: this.#rest,
    storage: shelfOfTab(),
    changed: () => {
      this.#farewell.update();
      this.#unkept.update();
    },
  });
  readonly #unkept = new Unkept(this.#session);
  readonly #farewell = new Farewell(this.#rest, this.#session);
  #client: Promise<UsherClient> | undefined;
  /** Watched for the present visit, from before its first picture. */
  #hall: Hall | undefined;
  #page: HallPage | undefined;
  #programme: ProgrammePage | undefined;
  #pill: ConnectionPill | undefined;
  /** That of the hall on the page. */
  #basket: Basket | undefined;
  /** By showtime; also of halls that were left, while there is something in them. */
  readonly #baskets = new Map<string, Basket>();
  /** Counts navigations, so that a slow answer does not open a page that was left. */
  #visit = 0;
  /** Of what is on a screen that perhaps nobody touches. */
  #pace = new Pace();
  #again: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    addEventListener("hashchange", () => void this.#show());
    byId("again", HTMLButtonElement).addEventListener("click", () => void this.#show());
    byId("skip", HTMLAnchorElement).addEventListener("click", (event) => {
      // The address says which page is open, and stays.
      event.preventDefault();
      byId("main", HTMLElement).focus();
    });
    void this.#show();
  }

  async #show(): Promise<void> {
    const visit = ++this.#visit;
    this.#leave();
    showOpening(true);
    const [, id] = /^#\/showtimes\/([\w-]{1,64})$/.exec(location.hash) ?? [];
    // The page still opens by itself when what it waits for comes.
    const patience = setTimeout(() => {
      if (visit === this.#visit) showFailure(SLOW_WORDS);
    }, EMPTY_MAX_MS);
    try {
      if (id === undefined) await this.#openProgramme(visit);
      else await this.#openHall(id, visit);
      this.#pace = new Pace();
    } catch (error) {
      if (visit === this.#visit) this.#fail(error);
    } finally {
      clearTimeout(patience);
    }
  }

  /** Says so, and tries again by itself where that may help. */
  #fail(error: unknown): void {
    showFailure(inPlainWords(error));
    const mayPass = error instanceof Unreachable || (error instanceof Refused && error.retryable);
    const notBeforeMs = error instanceof Refused ? error.retryInMs : undefined;
    if (mayPass) this.#again = setTimeout(() => void this.#show(), this.#pace.later(notBeforeMs));
  }

  #leave(): void {
    clearTimeout(this.#again);
    this.#pill?.close();
    this.#pill = undefined;
    this.#programme?.close();
    this.#programme = undefined;
    this.#page?.close();
    this.#page = undefined;
    this.#basket = undefined;
    // Screens in foyers open halls for weeks.
    for (const [id, basket] of this.#baskets) {
      if (!basket.isEmpty) continue;
      basket.close();
      this.#baskets.delete(id);
    }
    this.#hall?.stop();
    this.#hall = undefined;
  }

  async #openProgramme(visit: number): Promise<void> {
    this.#programme = new ProgrammePage(this.#rest);
    await this.#programme.load();
    if (visit !== this.#visit) return;
    document.title = "Usher";
    view("programme");
  }

  async #openHall(id: string, visit: number): Promise<void> {
    const [client, showtime, layout] = await Promise.all([
      this.#connected(),
      this.#rest.showtime(id),
      this.#rest.layout(id),
    ]);
    if (visit !== this.#visit) return;
    const hall = (this.#hall = client.watch(id));
    await hall.ready;
    if (visit !== this.#visit) return;
    view("hall");
    const labelOf = labelsOf(layout);
    const basket = (this.#basket = this.#basketOf(showtime, client, labelOf));
    const [rest, session] = [this.#rest, this.#session];
    const page = new HallPage({ client, rest, session, showtime, layout, hall, basket, labelOf });
    this.#page = page;
    this.#pill = new ConnectionPill(client, hall);
    hall.on("refused", (refused) => {
      if (this.#page !== page) return;
      this.#leave();
      showFailure(inPlainWords(refused));
    });
  }

  #basketOf(showtime: Showtime, client: UsherClient, labelOf: (seat: number) => string): Basket {
    const { id, title, startsAt, timeZone } = showtime;
    const known = this.#baskets.get(id);
    if (known !== undefined) {
      // There may be holds that could not be asked after when it was here last, and seats not heard of.
      void known.refresh();
      known.askAgain();
      return known;
    }
    const isOpen = (): boolean => this.#basket === basket;
    // Seats of the hall on the page may have the same names.
    const when = formatWhen(startsAt, timeZone);
    const tellOf = (text: string): void => tell(isOpen() ? text : `${title}, ${when}: ${text}`);
    const basket: Basket = new Basket({
      client,
      rest: this.#rest,
      session: this.#session,
      showtime: id,
      isOpen,
      // What was asked for in one hall may be answered when another is on the page, or none.
      changed: () => this.#page?.update(),
      failed: (error) => {
        tellOf(inPlainWords(error, labelOf));
        if (isOpen() && error instanceof Refused && error.code === "SALE_CLOSED") this.#page?.lookAtSale();
      },
      extended: (msLeft) => tellOf(`Your seats are kept for ${formatCountdown(msLeft)} from now.`),
      notExtended: (error) => tellOf(whyNoMoreTime(error)),
      found: (seats) => tellOf(`Yours for now: ${formatList(seats.map(labelOf))}.`),
      regained: (seats) => tellOf(`Yours after all: ${formatList(seats.map(labelOf))}.`),
      lost: (seats, why) => tellOf(LOST_WORDS[why](formatList(seats.map(labelOf)))),
    });
    this.#baskets.set(id, basket);
    // For what had no answer when the page was reloaded; it is signed in already where this is not the first hall since.
    basket.askAgain();
    return basket;
  }

  /** One connection for all halls, made when the first is opened. */
  #connected(): Promise<UsherClient> {
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #connect(): Promise<UsherClient> {
    const client = new UsherClient({ url: await this.#rest.webSocketUrl(), encoding: "msgpack" });
    // The browser knows first when there is a network again, or somebody who looks.
    addEventListener("online", () => client.wake());
    document.addEventListener("visibilitychange", () => !document.hidden && client.wake());
    await client.connect();
    return client;
  }
}

/** Made here, where it holds on to nothing else: baskets keep it longer than the page of their hall lasts. */
function labelsOf(layout: Layout): (seat: number) => string {
  const labels = layout.seats.map(({ label }) => label);
  return (seat) => labels[seat] ?? String(seat);
}

/** What was left is of no use any more, though it is still to be seen. */
function showOpening(isOpening: boolean): void {
  byId("opening", HTMLElement).hidden = !isOpening;
  byId("hall", HTMLElement).inert = isOpening;
}

function showFailure(words: string): void {
  showOpening(false);
  const text = byId("failure-text", HTMLElement);
  if (text.textContent !== words) text.textContent = words;
  // One that is there already keeps the focus in it.
  if (byId("failure", HTMLElement).hidden) view("failure");
}

function view(name: (typeof VIEWS)[number]): void {
  showOpening(false);
  for (const each of VIEWS) byId(each, HTMLElement).hidden = each !== name;
  byId("main", HTMLElement).focus({ preventScroll: true });
  scrollTo(0, 0);
}

// Who has an older browser, or an index.html of another version, reads there that the page does not start.
if ("timeout" in AbortSignal) {
  new Application().start();
  byId("unstarted", HTMLElement).remove();
}
