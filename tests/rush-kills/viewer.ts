import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../edge/testing/client.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import type { Crowd } from "./buyer.ts";

export interface Shown {
  readonly epoch: number;
  readonly seq: number;
  readonly checksum: number;
  /** A status a byte. */
  readonly statuses: Uint8Array;
}

const RECONNECT_MS = 20;

/** Watches one hall, comes back to it with its position, and lets nothing that it was shown be taken back. */
export class Viewer {
  readonly #crowd: Crowd;
  readonly #encoding: Encoding;
  #shown: Shown | undefined;
  #client: Client | undefined;
  #isGone = false;

  constructor(crowd: Crowd, encoding: Encoding) {
    this.#crowd = crowd;
    this.#encoding = encoding;
  }

  /** What it was shown last, as it was then. */
  get shown(): Shown | undefined {
    return this.#shown && { ...this.#shown, statuses: this.#shown.statuses.slice() };
  }

  /** Whether it sees the hall, on a connection of this life of the server. */
  get isWatching(): boolean {
    return (this.#client?.halls.get(this.#crowd.showtime)?.frames ?? 0) > 0;
  }

  leave(): void {
    this.#isGone = true;
    this.#client?.ws.terminate();
  }

  /** Until `leave`. */
  async stay(): Promise<void> {
    while (!this.#isGone) {
      try {
        await this.#visit();
      } catch {
        this.#client = undefined;
        await pause(RECONNECT_MS);
      }
    }
  }

  async #visit(): Promise<void> {
    const { wsPort, showtime } = this.#crowd;
    const client = await Client.connect(wsPort, this.#encoding);
    client.ws.on("message", () => {
      client.inbox.length = 0;
      this.#look(client);
    });
    this.#client = client;
    const last = this.#shown;
    // Whoever comes back is sent what it missed, where the edge still has that, and else the whole hall.
    if (last !== undefined) client.halls.set(showtime, { ...last, statuses: last.statuses.slice(), frames: 0 });
    client.say({ op: "watch", showtime, ...(last !== undefined && { epoch: last.epoch, seq: last.seq }) });
    await client.closed;
    throw new Error("closed");
  }

  /** Called after every frame. */
  #look(client: Client): void {
    const hall = client.halls.get(this.#crowd.showtime);
    if (hall === undefined) return;
    const last = this.#shown;
    const { epoch, seq, checksum } = hall;
    if (last !== undefined) {
      if (epoch < last.epoch || seq < last.seq) {
        this.#crowd.wrong(`a viewer was shown (${last.epoch}, ${last.seq}), and then (${epoch}, ${seq})`);
      } else if (seq === last.seq && checksum !== last.checksum) {
        this.#crowd.wrong(`a viewer was shown two halls at seq ${seq}: ${last.checksum} and ${checksum}`);
      }
    }
    this.#shown = { epoch, seq, checksum, statuses: hall.statuses };
  }
}
