import { byId } from "./dom.ts";
import type { Session } from "./session.ts";

/** Where the browser keeps nothing for pages, what the guest has is gone with this one: that is said before it is paid for, and asked about. */
export class Unkept {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    addEventListener("beforeunload", (event) => {
      if (!session.isKept && session.hasSomething) event.preventDefault();
    });
  }

  /** What the guest has is another now, or whether it is kept. */
  update(): void {
    byId("unkept", HTMLElement).hidden = this.#session.isKept;
  }
}
