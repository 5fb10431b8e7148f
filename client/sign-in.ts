import type { HolderId } from "../proto/index.ts";
import type { ClientMessage } from "../proto/ws/client-codec.ts";
import { fullJitterMs } from "./back-off.ts";
import type { ClientClock, ClientTimer } from "./clock.ts";
import { faultOf } from "./fault.ts";
import { type ClientLimits, SHORT_TOKEN_MS } from "./limits.ts";
import { Refused } from "./refused.ts";

/**
 * Why a token is asked for: for a new connection (the last one will do), because the last one is about to end, or because
 * the server did not accept it.
 */
export type TokenReason = "connecting" | "ending" | "refused";

/** A token, or what fetches one. */
export type TokenSource = string | ((why: TokenReason) => string | Promise<string>);

export interface Identity {
  readonly userId: HolderId;
  readonly role: string;
}

export interface SignInOptions {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly limits: ClientLimits;
  readonly send: (message: ClientMessage) => boolean;
  /** Leaves this connection for another, on which nobody is signed in. */
  readonly reconnect: () => void;
  readonly authed: (identity: Identity) => void;
  readonly refused: (refused: Refused) => void;
}

interface Waiter {
  readonly resolve: (identity: Identity) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Who the connection speaks for. `out`: not connected, or nobody. `asking`: a token is being fetched or judged; requests
 * wait. `in`: signed in. `refused`: the token is not accepted, and the server refuses what needs one.
 */
type SignInState = "out" | "asking" | "in" | "refused";

export class SignIn {
  readonly #options: SignInOptions;
  #source: TokenSource | undefined;
  #state: SignInState = "out";
  #identity: Identity | undefined;
  #user: HolderId | undefined;
  #connected = false;
  /** Counts how often a token was asked for, so that one that arrives after its connection is gone, or after another was asked for, is dropped. */
  #round = 0;
  #attempt = 0;
  /** One refusal is answered by a fresh token; the second is final. */
  #freshToken = false;
  /** Tokens sent on this connection and not answered yet. Answers name no token, but come in their order. */
  #unanswered = 0;
  /** How many of the answers to come are to tokens from before this sign-in. */
  #outdated = 0;
  #timer: ClientTimer | undefined;
  #lastToken: string | undefined;
  #acceptedToken: string | undefined;
  #acceptedAt = 0;
  /** When the accepted token ends, once the server has said so: from then on nobody is signed in there. */
  #endsAt = Number.POSITIVE_INFINITY;
  #waiters: Waiter[] = [];
  /** What the source failed with when it was asked last. */
  #lacking: Error | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Who was signed in last by the present source of tokens, also while there is no connection. */
  get user(): HolderId | undefined {
    return this.#user;
  }

  /** Whether requests may be sent: signed in, or nobody is going to be. */
  get settled(): boolean {
    return this.#source === undefined || this.#state === "in" || this.#state === "refused";
  }

  /** Why there is no token just now, where requests wait for one. */
  get lacking(): Error | undefined {
    return this.settled ? undefined : this.#lacking;
  }

  /** @throws (rejects) Refused `UNAUTHORIZED`; what the token source throws; ClientClosed. */
  authenticate(source: TokenSource): Promise<Identity> {
    this.#source = source;
    this.#user = undefined;
    this.#lacking = undefined;
    const signedIn = new Promise<Identity>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    if (this.#connected) this.#begin("connecting");
    else this.#state = "out";
    return signedIn;
  }

  opened(): void {
    this.#connected = true;
    // Refused already: this connection was opened to be a viewer's.
    if (this.#source !== undefined && this.#state !== "refused") this.#begin("connecting");
  }

  lose(): void {
    this.#connected = false;
    this.#state = "out";
    this.#lacking = undefined;
    this.#identity = undefined;
    this.#round++;
    this.#unanswered = 0;
    this.#outdated = 0;
    this.#timer?.cancel();
  }

  end(error: Error): void {
    this.lose();
    this.#reject(error);
  }

  /**
   * Another token is needed: soon (`ending`: the present one is good for `inMs` more) or at once (`refused`: requests wait
   * for it). False when there is no way to another one.
   */
  renew(why: "ending" | "refused", inMs = 0): boolean {
    if (typeof this.#source !== "function" || !this.#connected) return false;
    const now = this.#options.clock.monotonic();
    this.#endsAt = now + inMs;
    if (this.#state === "asking") return true;
    // Where tokens live for a minute at the most, one would be fetched after another without a pause.
    const isShort = why === "ending" && now - this.#acceptedAt < SHORT_TOKEN_MS;
    this.#begin(why, isShort ? inMs / 2 : undefined);
    return true;
  }

  /** Sends the last token once more: the server owes an answer, so a dead connection shows. */
  probe(): boolean {
    if (this.#state !== "in" || this.#lastToken === undefined) return false;
    return this.#send(this.#lastToken);
  }

  accept(identity: Identity): void {
    // Also by an outdated token the connection is signed in, until the next is accepted.
    this.#identity = identity;
    if (!this.#isUpToDate()) return;
    this.#timer?.cancel();
    const now = this.#options.clock.monotonic();
    const news = this.#state !== "in" || now >= this.#endsAt;
    this.#state = "in";
    this.#endsAt = Number.POSITIVE_INFINITY;
    this.#user = identity.userId;
    this.#acceptedToken = this.#lastToken;
    this.#acceptedAt = now;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(identity);
    if (news) this.#options.authed(identity);
  }

  /** Whether a refusal without a rid was about the sign-in. */
  refuse(refused: Refused): boolean {
    const isAboutToken = refused.code === "UNAUTHORIZED" || (refused.code === "BAD_MESSAGE" && this.#unanswered > 0);
    if (isAboutToken && this.#isUpToDate()) this.#fail(refused);
    return isAboutToken;
  }

  /** Tokens cannot be judged just now: sends it again when the server says. */
  postpone(refused: Refused): void {
    if (!refused.retryable || this.#unanswered === 0) return;
    if (this.#isUpToDate() && this.#state === "asking") this.#again("connecting", refused.retryInMs ?? 0);
  }

  /** @param withinMs waits before it asks for a token, longer each time, but not beyond this */
  #begin(why: TokenReason, withinMs?: number): void {
    // While a token is about to end it is still good, and requests need not wait.
    if (why !== "ending") this.#state = "asking";
    this.#freshToken = why === "refused";
    if (withinMs === undefined) this.#attempt = 0;
    this.#askAnew(why, withinMs);
  }

  #askAnew(why: TokenReason, withinMs?: number): void {
    this.#outdated = this.#unanswered;
    if (withinMs === undefined) void this.#ask(why);
    else this.#again(why, 0, withinMs);
  }

  async #ask(why: TokenReason): Promise<void> {
    const { clock, limits } = this.#options;
    const round = ++this.#round;
    const source = this.#source;
    this.#askIn(limits.tokenTimeoutMs, why);
    let token: string;
    try {
      token = typeof source === "function" ? await source(why) : (source ?? "");
    } catch (error) {
      if (round === this.#round) this.#lack(error, why);
      return;
    }
    if (round !== this.#round) return;
    this.#lacking = undefined;
    // Many sources keep a token until its end. Sent again it would be answered by the same notice, at once and over and over.
    const isOld = token === this.#acceptedToken && clock.monotonic() < this.#endsAt;
    if (why === "ending" && isOld) return this.#again(why, 0);
    const fault = faultOf({ op: "auth", token });
    if (fault !== undefined) return this.#fail(new Refused("UNAUTHORIZED", fault));
    this.#lastToken = token;
    try {
      this.#send(token);
    } catch (cause) {
      return this.#fail(new Refused("UNAUTHORIZED", "the token is longer than a message may be", { cause }));
    }
    this.#askIn(limits.answerTimeoutMs, why);
  }

  #send(token: string): boolean {
    const sent = this.#options.send({ op: "auth", token });
    if (sent) this.#unanswered++;
    return sent;
  }

  /** Counts an answer. False when it is to a token from before this sign-in. */
  #isUpToDate(): boolean {
    if (this.#unanswered > 0) this.#unanswered--;
    if (this.#outdated === 0) return true;
    this.#outdated--;
    return false;
  }

  /** The token is not accepted: another one is fetched, if there may be one, or the connection is a viewer's. */
  #fail(refused: Refused): void {
    if (this.#state !== "asking" && this.#state !== "in") return;
    this.#timer?.cancel();
    if (typeof this.#source === "function" && !this.#freshToken) {
      // Were it still "in", the next probe would be refused too, and be taken for the fresh token's refusal.
      this.#state = "asking";
      this.#freshToken = true;
      return this.#askAnew("refused");
    }
    // The server keeps who was signed in before; on another connection that is nobody.
    if (this.#identity !== undefined) this.#options.reconnect();
    this.#state = "refused";
    this.#reject(refused);
    this.#options.refused(refused);
  }

  /** The source has no token just now: whoever waits is told, and it is asked again while requests still wait for it. */
  #lack(error: unknown, why: TokenReason): void {
    this.#lacking = error instanceof Error ? error : new Error(String(error));
    this.#reject(this.#lacking);
    this.#again(why, 0);
  }

  #again(why: TokenReason, notBeforeMs: number, withinMs = Number.POSITIVE_INFINITY): void {
    const { limits, random } = this.#options;
    const waitMs = notBeforeMs + fullJitterMs(this.#attempt++, limits.backOffBaseMs, limits.backOffMaxMs, random);
    this.#askIn(Math.min(waitMs, withinMs), why);
  }

  #askIn(ms: number, why: TokenReason): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => void this.#ask(why));
  }

  #reject(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
