import { InvalidToken, type Principal } from "../../platform/auth/index.ts";
import type { Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import { CountedLine, type Logger } from "../../platform/log/index.ts";
import { CLOSE_CODES, type HolderId } from "../../proto/index.ts";
import { type Meter, Meters } from "../meters/index.ts";
import { LIMITS } from "../limits.ts";
import type { Verifier } from "../ports.ts";
import type { Session } from "./session.ts";

interface Options {
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly log: Logger;
  /** What one user may send on all connections together. */
  readonly commandsPerSecond: number;
  /** The token was a bad one. */
  readonly refused: (session: Session) => void;
  /** The token was verified or refused: what came after it may be handled. */
  readonly settled: (session: Session, newcomer?: Meter<Session>) => void;
}

/** Node's timers go no further than this many milliseconds; a token that lives longer is looked at again then. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Who is signed in on which connection. */
export class SignIn {
  readonly users: Meters<HolderId, Session>;
  readonly #families = new Map<string, Set<Session>>();
  readonly #options: Options;
  readonly #unverified: CountedLine;
  #revocations: Subscription | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#unverified = new CountedLine(options.clock, LIMITS.unverifiedToldEveryMs);
    this.users = new Meters({ commandsPerSecond: options.commandsPerSecond, connectionsMax: Number.POSITIVE_INFINITY });
  }

  start(): void {
    this.#revocations = this.#options.verifier.onRevoked((family) => this.#revoked(family));
  }

  stop(): void {
    this.#revocations?.close();
  }

  /** Messages of this session wait until `settled`. */
  begin(session: Session, token: string): void {
    session.waiting = [];
    this.#options.verifier.verify(token).then(
      (principal) => this.#finish(session, principal),
      (error: unknown) => this.#refuse(session, error),
    );
  }

  /** Whom the session may act for just now. */
  principalOf(session: Session): Principal | undefined {
    const { principal } = session;
    if (principal !== undefined && principal.expiresAt <= this.#options.clock.now()) this.end(session);
    return session.principal;
  }

  /** From now on the session may only watch. */
  end(session: Session): void {
    session.reauthTimer?.cancel();
    session.reauthTimer = undefined;
    session.user?.leave(session);
    session.user = undefined;
    const family = session.principal?.family;
    session.principal = undefined;
    if (family === undefined) return;
    const sessions = this.#families.get(family);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#families.delete(family);
  }

  #finish(session: Session, principal: Principal): void {
    if (session.isClosed) return;
    const wasNobody = session.user === undefined;
    this.end(session);
    session.principal = principal;
    session.user = this.users.enter(principal.userId, session);
    const family = this.#families.get(principal.family);
    if (family === undefined) this.#families.set(principal.family, new Set([session]));
    else family.add(session);
    session.send({ op: "authed", userId: principal.userId, role: principal.role });
    this.#awaitEnd(session, principal);
    this.#options.settled(session, wasNobody ? session.user : undefined);
  }

  /** What was signed in before stays so: only the new token is refused. */
  #refuse(session: Session, error: unknown): void {
    if (session.isClosed) return;
    if (error instanceof InvalidToken) {
      session.refuse({ code: "UNAUTHORIZED", message: error.message });
      this.#options.refused(session);
    } else {
      this.#unverified.add((count) => this.#options.log.warn({ err: error, count }, "tokens could not be verified"));
      session.refuse({
        code: "UNAVAILABLE",
        message: "Tokens cannot be verified just now.",
        retryInMs: LIMITS.comeBackMs,
      });
    }
    this.#options.settled(session);
  }

  #awaitEnd(session: Session, principal: Principal): void {
    const { clock } = this.#options;
    const leftMs = principal.expiresAt - clock.now();
    const isLate = leftMs <= LIMITS.reauthBeforeMs;
    if (isLate) session.send({ op: "reauth", inMs: Math.max(0, Math.round(leftMs)) });
    if (session.isClosed) return; // It did not read what it was told, so its timers were cancelled already.
    const waitMs = Math.min(TIMER_MAX_MS, isLate ? leftMs : leftMs - LIMITS.reauthBeforeMs);
    session.reauthTimer = clock.after(waitMs, () => (isLate ? this.end(session) : this.#awaitEnd(session, principal)));
  }

  #revoked(family: string): void {
    for (const session of this.#families.get(family) ?? []) session.close(CLOSE_CODES.SIGNED_OUT);
  }
}
