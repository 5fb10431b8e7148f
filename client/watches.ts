import type { ErrorCode, ShowtimeId } from "../proto/index.ts";
import type { ClientMessage, DeltaMessage, SnapshotMessage } from "../proto/ws/client-codec.ts";
import { fullJitterMs } from "./back-off.ts";
import type { ClientClock, ClientTimer } from "./clock.ts";
import { type HallOwner, WatchedHall } from "./hall.ts";
import type { ClientLimits } from "./limits.ts";
import { Refused } from "./refused.ts";

export interface WatchesOptions {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly limits: ClientLimits;
  /** False when there is no connection: everything is asked anew when there is one. */
  readonly send: (message: ClientMessage) => boolean;
}

/** With one of these codes a server refuses tokens and requests alone. */
const NEVER_OF_WATCHES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["BAD_MESSAGE", "UNAUTHORIZED", "FORBIDDEN"]);

/**
 * The halls that a client watches. Watches are asked for one after another, because a refusal names no showtime: it is
 * about the one that was asked last. `waiting` halls are asked as soon as the one before is answered.
 */
export class Watches implements HallOwner {
  readonly #options: WatchesOptions;
  readonly #halls = new Map<string, WatchedHall>();
  readonly #waiting = new Set<WatchedHall>();
  readonly #delays = new Map<WatchedHall, ClientTimer>();
  /** How often in a row a hall was refused for now. */
  readonly #refusals = new Map<WatchedHall, number>();
  #asked: { readonly hall: WatchedHall; readonly timer: ClientTimer; readonly refusals: number } | undefined;
  /** Questions that are not waited for any more, and may yet be refused. */
  #abandoned = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** The one hall of this showtime, asked for if it is new. @throws Refused `LIMIT_REACHED` past `watchesMax`. */
  open(showtime: ShowtimeId): WatchedHall {
    const known = this.#halls.get(showtime);
    if (known !== undefined) return known;
    if (this.#halls.size >= this.#options.limits.watchesMax) {
      throw new Refused("LIMIT_REACHED", `a client watches ${this.#options.limits.watchesMax} showtimes at most`);
    }
    const hall = new WatchedHall(showtime, this);
    this.#halls.set(showtime, hall);
    this.#ask(hall);
    return hall;
  }

  /** There is a connection: go on watching everything from where it was. */
  resume(): void {
    for (const hall of this.#halls.values()) this.#ask(hall);
  }

  lose(): void {
    this.#asked?.timer.cancel();
    this.#asked = undefined;
    this.#abandoned = 0;
    this.#waiting.clear();
    for (const timer of this.#delays.values()) timer.cancel();
    this.#delays.clear();
    this.#refusals.clear();
    for (const hall of this.#halls.values()) hall.lose();
  }

  end(error: Error): void {
    this.lose();
    for (const hall of this.#halls.values()) hall.end(error);
    this.#halls.clear();
  }

  take(message: SnapshotMessage | DeltaMessage): void {
    const hall = this.#halls.get(message.showtime);
    if (hall === undefined) return;
    if (message.op === "snapshot") {
      this.#shown(hall);
      return hall.takeSnapshot(message);
    }
    const hadPosition = hall.position !== undefined;
    hall.takeDelta(message);
    // What puts the statuses in doubt is an answer too: the snapshot that mends them has still to be asked for.
    const cameInDoubt = hadPosition && hall.position === undefined;
    if (hall.inStep || cameInDoubt) this.#shown(hall);
  }

  /**
   * A refusal without a rid. A hall that is there no longer is refused without having been asked for: so all that are in step
   * are asked for, and the one under way once more for each of them, since each may be refused once in this way, before it is
   * given up. It is asked once more for each abandoned question, too, since the refusal may be the answer to that.
   */
  refuse(refused: Refused): void {
    if (NEVER_OF_WATCHES.has(refused.code)) return;
    const asked = this.#asked;
    const mayBeGone = (hall: WatchedHall): boolean =>
      refused.code === "NOT_FOUND" && hall.inStep && hall !== asked?.hall;
    const suspects = [...this.#halls.values()].filter(mayBeGone);
    for (const suspect of suspects) this.#waiting.add(suspect);
    if (asked === undefined) return this.#next();
    const { hall, refusals, timer } = asked;
    const doubts = this.#abandoned + suspects.length;
    if (refusals < doubts && !refused.retryable) {
      timer.cancel();
      return this.#watch(hall, refusals + 1);
    }
    if (refused.retryable) {
      const before = this.#refusals.get(hall) ?? 0;
      this.#refusals.set(hall, before + 1);
      this.#later(hall, Math.max(refused.retryInMs ?? 0, this.#jitterMs(before)));
    } else {
      // As many refusals may still be on their way as before, with one hall fewer that they may be about.
      if (hall.inStep) this.#abandoned++;
      this.#forget(hall);
      hall.refuse(refused);
    }
    this.#answered(hall);
  }

  /** Asks for what is known already; the server owes an empty delta, so a dead connection shows. False when nothing is watched. */
  probe(): boolean {
    for (const hall of this.#halls.values()) {
      if (!hall.inStep) continue;
      this.#ask(hall);
      return true;
    }
    return false;
  }

  mend(hall: WatchedHall): void {
    if (hall.vainMends <= 1) this.#ask(hall);
    else this.#later(hall, this.#jitterMs(hall.vainMends - 2));
  }

  unwatch(hall: WatchedHall): void {
    // One that was refused: the showtime may have been watched again since.
    if (this.#halls.get(hall.showtime) !== hall) return;
    this.#forget(hall);
    if (this.#asked?.hall === hall) this.#abandoned++;
    this.#answered(hall);
  }

  #forget(hall: WatchedHall): void {
    this.#halls.delete(hall.showtime);
    this.#waiting.delete(hall);
    this.#delays.get(hall)?.cancel();
    this.#delays.delete(hall);
    this.#refusals.delete(hall);
    // What was asked of it more than once is not refused after this.
    this.#options.send({ op: "unwatch", showtime: hall.showtime });
  }

  #ask(hall: WatchedHall): void {
    this.#waiting.add(hall);
    this.#next();
  }

  #later(hall: WatchedHall, ms: number): void {
    this.#delays.get(hall)?.cancel();
    const timer = this.#options.clock.after(ms, () => {
      this.#delays.delete(hall);
      this.#ask(hall);
    });
    this.#delays.set(hall, timer);
  }

  #next(): void {
    if (this.#asked !== undefined) return;
    const [hall] = this.#waiting;
    if (hall !== undefined) this.#watch(hall, 0);
  }

  #watch(hall: WatchedHall, refusals: number): void {
    this.#waiting.delete(hall);
    const sent = this.#options.send({ op: "watch", showtime: hall.showtime, ...hall.position });
    if (!sent) return this.#waiting.clear();
    const timer = this.#options.clock.after(this.#options.limits.answerTimeoutMs, () => {
      this.#asked = undefined;
      this.#abandoned++;
      this.#ask(hall);
    });
    this.#asked = { hall, timer, refusals };
  }

  /**
   * What was stopped before this was asked has been answered by now. Should a question that took too long be refused later,
   * this hall is in step, which puts the refusal in doubt too.
   */
  #shown(hall: WatchedHall): void {
    this.#refusals.delete(hall);
    if (this.#asked?.hall === hall) this.#abandoned = 0;
    this.#answered(hall);
  }

  #answered(hall: WatchedHall): void {
    if (this.#asked?.hall !== hall) return;
    this.#asked.timer.cancel();
    this.#asked = undefined;
    this.#next();
  }

  #jitterMs(attempt: number): number {
    const { limits, random } = this.#options;
    return fullJitterMs(attempt, limits.backOffBaseMs, limits.backOffMaxMs, random);
  }
}
