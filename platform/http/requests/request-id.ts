import type { IncomingMessage } from "node:http";
import type { RandomBytes } from "../../random/index.ts";

const SANE = /^[A-Za-z0-9._:-]{1,64}$/;
const ID_BYTES = 12;
/** Random bytes cost by the call, hardly by the byte. */
const IDS_PER_DRAW = 512;

/** Names requests: by 96 random bits each. */
export class RequestIds {
  readonly #random: RandomBytes;
  #drawn: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(random: RandomBytes) {
    this.#random = random;
  }

  /** A caller's own id is taken when it cannot garble a log line. */
  of(request: IncomingMessage): string {
    const given = request.headers["x-request-id"];
    return typeof given === "string" && SANE.test(given) ? given : this.#next();
  }

  #next(): string {
    if (this.#at === this.#drawn.length) {
      this.#drawn = this.#random(ID_BYTES * IDS_PER_DRAW);
      this.#at = 0;
    }
    const from = this.#at;
    this.#at += ID_BYTES;
    return this.#drawn.toString("base64url", from, this.#at);
  }
}
