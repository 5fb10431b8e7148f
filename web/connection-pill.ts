import { CLIENT_LIMITS, type Hall, type UsherClient } from "../client/index.ts";
import { byId } from "./dom.ts";

const WORDS = { live: "Live", behind: "Catching up…", away: "Reconnecting…", closed: "Disconnected: reload the page" };
/** Within this a connection that is asked whether it lives has answered, or is found to be dead. */
const DOUBT_MS = CLIENT_LIMITS.silenceMs + 1_000;

/** Says whether the hall on the page follows the server. */
export class ConnectionPill {
  readonly #client: UsherClient;
  readonly #hall: Hall;
  readonly #pill = byId("connection", HTMLElement);
  readonly #unlisten: readonly (() => void)[];
  readonly #stop = new AbortController();
  /** Set while the browser's word that the network is gone is put to the test: a server on this machine, say, is there without one. */
  #doubt: ReturnType<typeof setTimeout> | undefined;

  constructor(client: UsherClient, hall: Hall) {
    this.#client = client;
    this.#hall = hall;
    this.#unlisten = [client.on("state", () => this.#show()), hall.on("inStep", () => this.#show())];
    addEventListener("offline", () => this.#startDoubt(), { signal: this.#stop.signal });
    this.#pill.hidden = false;
    this.#show();
  }

  close(): void {
    for (const unlisten of this.#unlisten) unlisten();
    this.#stop.abort();
    clearTimeout(this.#doubt);
    this.#pill.hidden = true;
  }

  #startDoubt(): void {
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => {
      this.#doubt = undefined;
      this.#show();
    }, DOUBT_MS);
    this.#client.wake();
    this.#show();
  }

  #show(): void {
    const state = this.#state();
    this.#pill.dataset["state"] = state;
    if (this.#pill.textContent !== WORDS[state]) this.#pill.textContent = WORDS[state];
  }

  #state(): keyof typeof WORDS {
    const { state } = this.#client;
    if (state === "closed") return "closed";
    if (state !== "open" || this.#doubt !== undefined) return "away";
    return this.#hall.inStep ? "live" : "behind";
  }
}
