import type { RestClient } from "../client/index.ts";
import { byId } from "./dom.ts";
import { tell } from "./messages.ts";
import { ask } from "./question.ts";
import type { Session } from "./session.ts";

/** Nobody waits for longer until seats are given back: those that are not run out by themselves. */
const GIVE_BACK_WITHIN_MS = 3_000;

/** The button for who buys on a screen that others use too: the guest is forgotten, and whoever comes next sees nothing of theirs. */
export class Farewell {
  readonly #rest: RestClient;
  readonly #session: Session;
  readonly #button = byId("done", HTMLButtonElement);

  constructor(rest: RestClient, session: Session) {
    this.#rest = rest;
    this.#session = session;
    this.#button.addEventListener("click", () => void this.#leave());
    this.update();
  }

  /** There is a guest now, or none any more. */
  update(): void {
    this.#button.hidden = this.#session.savedToken === undefined;
  }

  async #leave(): Promise<void> {
    if (!(await this.#isMeant())) return;
    const { savedToken: token = "", holds } = this.#session;
    this.#session.forget();
    byId("main", HTMLElement).inert = true; // Nobody is signed in any more, and a hold would be nobody's.
    tell("Your seats are given back, and you are forgotten …");
    const givenBack = Promise.allSettled(holds.map((hold) => this.#rest.release(hold, token)));
    await Promise.race([givenBack, new Promise((resolve) => setTimeout(resolve, GIVE_BACK_WITHIN_MS))]);
    // Whatever is in memory goes with the page.
    location.hash = "#/";
    location.reload();
  }

  #isMeant(): Promise<boolean> | true {
    const { holds, hasBooked } = this.#session;
    if (holds.length === 0 && !hasBooked) return true;
    const text = [
      "Whoever comes next sees nothing of yours.",
      ...(holds.length > 0 ? ["Seats that you have not booked are given back."] : []),
      ...(hasBooked ? ["What you have booked cannot be shown here again: save your tickets first."] : []),
    ].join(" ");
    return ask({ title: "Done on this screen?", text, yes: "Forget me", no: "Not yet" });
  }
}
