import { type Principal, SERVES_MANY } from "../../platform/auth/index.ts";
import { type Command, mayBuy, parseHoldId, type Reply, type RequestId } from "../../proto/index.ts";
import type { ClientMessage, ServerMessage } from "../../proto/ws/index.ts";
import type { Counts } from "../counts.ts";
import type { Audience } from "../fan-out/index.ts";
import { LIMITS } from "../limits.ts";
import type { EngineGateway } from "../ports.ts";
import type { TurnBuffer } from "./turn-buffer.ts";
import type { RefusalDetails, Session } from "./session.ts";
import type { SignIn } from "./sign-in.ts";

/** What only the engine can answer. */
export type CommandMessage = Extract<ClientMessage, { rid: RequestId }>;

const SIGN_IN_FIRST: RefusalDetails = { code: "UNAUTHORIZED", message: "Sign in first: send auth with a valid token." };
const NOT_YOURS_TO_HOLD: RefusalDetails = { code: "FORBIDDEN", message: "This role may not hold seats." };
const NO_SUCH_HOLD: RefusalDetails = { code: "HOLD_NOT_FOUND", message: "No such hold of yours." };
const NO_SUCH_SEAT: RefusalDetails = { code: "NOT_FOUND", message: "The hall has no such seat." };
const DEFECT: RefusalDetails = { code: "INTERNAL", message: "The engine's answer does not fit the question." };
const TOO_MANY_UNDER_WAY: RefusalDetails = {
  code: "BUSY",
  message: `${LIMITS.inFlightMax} requests of this connection are under way; nothing was done.`,
  retryInMs: LIMITS.comeBackMs,
};
const DRAINING: RefusalDetails = {
  code: "UNAVAILABLE",
  message: "This server is about to stop: reconnect, and ask again with the same `rid`.",
  retryInMs: LIMITS.comeBackMs,
};

interface Options {
  readonly engine: EngineGateway;
  readonly signIn: SignIn;
  readonly audience: Audience;
  readonly turnBuffer: TurnBuffer;
  readonly counts: Counts;
}

/** Takes commands to the engine, and its answers back. */
export class Commands {
  readonly #options: Options;
  #inFlight = 0;
  #isDraining = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  send(session: Session, message: CommandMessage): void {
    const principal = this.#options.signIn.principalOf(session);
    if (principal === undefined) return session.refuse(SIGN_IN_FIRST, message.rid);
    if (!mayBuy(principal.role)) return session.refuse(NOT_YOURS_TO_HOLD, message.rid);
    if (this.#isDraining) return session.refuse(DRAINING, message.rid);
    if (session.inFlight >= LIMITS.inFlightMax) return session.refuse(TOO_MANY_UNDER_WAY, message.rid);
    const command = commandOf(message, principal);
    if (command === undefined) return session.refuse(NO_SUCH_HOLD, message.rid);
    const outside = command.type === "hold" ? this.#outsideHall(command) : undefined;
    if (outside !== undefined) return session.refuse({ ...NO_SUCH_SEAT, seats: outside }, message.rid);
    session.inFlight++;
    this.#inFlight++;
    this.#options.engine.send(command, (reply, tookMs) => this.#answer(session, command, reply, tookMs));
  }

  /** Takes no more commands; `whenIdle` is called once those under way are answered. */
  drain(whenIdle: () => void): void {
    this.#isDraining = true;
    if (this.#inFlight === 0) whenIdle();
    else this.#whenIdle = whenIdle;
  }

  #answer(session: Session, command: Command, reply: Reply, tookMs: number): void {
    this.#options.counts.commandAnswered(reply, tookMs);
    session.inFlight--;
    this.#inFlight--;
    if (!session.isClosed) this.#options.turnBuffer.add(session, answerOf(session, command, reply));
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  /**
   * The engine would say so too; where somebody watches the hall it need not be asked.
   * @returns the seats that the hall does not have; undefined where it has all, or is not known here
   */
  #outsideHall({ showtime, seats }: Extract<Command, { type: "hold" }>): readonly number[] | undefined {
    const seatCount = this.#options.audience.seatCountOf(showtime);
    if (seatCount === undefined || seats.every((seat) => seat < seatCount)) return undefined;
    return seats.filter((seat) => seat >= seatCount);
  }
}

/** Each command is one literal: objects that were spread together make the engine's `decide` twice as slow. */
function commandOf(message: CommandMessage, { userId: holder, role }: Principal): Command | undefined {
  const { rid } = message;
  if (message.op === "hold") {
    const { showtime } = message;
    const accessible = message.accessible === true;
    const desk = SERVES_MANY.has(role);
    if (!("best" in message)) return { type: "hold", showtime, holder, rid, seats: message.seats, accessible, desk };
    return { type: "hold-best", showtime, holder, rid, accessible, desk, ...message.best };
  }
  const named = parseHoldId(message.holdId);
  if (named === undefined) return undefined;
  const { id: hold, showtime } = named;
  if (message.op === "extend") return { type: "extend", showtime, holder, rid, hold };
  return message.seats === undefined
    ? { type: "release", showtime, holder, rid, hold }
    : { type: "release", showtime, holder, rid, hold, seats: message.seats };
}

function answerOf(session: Session, { rid, showtime }: Command, reply: Reply): ServerMessage {
  switch (reply.type) {
    case "held":
      return { op: "held", rid, holdId: reply.hold, showtime, seats: [...reply.seats], expiresInMs: reply.expiresInMs };
    case "extended":
      return { op: "extended", rid, holdId: reply.hold, expiresInMs: reply.expiresInMs };
    case "released":
      return { op: "released", rid, holdId: reply.hold };
    case "refused":
      return session.refusal(reply, rid);
    default:
      return session.refusal(DEFECT, rid);
  }
}
