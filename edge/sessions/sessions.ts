import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import {
  type BookingId,
  CLOSE_CODES,
  type HolderId,
  type Notice,
  NOTICES,
  type RequestId,
  type ShowtimeId,
} from "../../proto/index.ts";
import { BOOKING_NEWS } from "../../proto/services/index.ts";
import { type ClientMessage, type ServerMessage, WS_LIMITS } from "../../proto/ws/index.ts";
import type { Counts } from "../counts.ts";
import { decode, EncodedOnce } from "../encoding.ts";
import type { Audience } from "../fan-out/index.ts";
import { Bucket, type Meter, Meters, type Rate, rateOf } from "../meters/index.ts";
import { LIMITS } from "../limits.ts";
import type { EdgeConfig } from "../ports.ts";
import type { Socket, SocketEvents } from "../socket.ts";
import type { Commands } from "./commands.ts";
import { Session } from "./session.ts";
import type { SignIn } from "./sign-in.ts";

interface Options {
  readonly config: EdgeConfig;
  readonly connectionsMax: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly counts: Counts;
  readonly signIn: SignIn;
  readonly commands: Commands;
  readonly audience: Audience;
}

const WELCOME = new EncodedOnce(() => ({ op: "welcome", protocol: 1, heartbeatMs: LIMITS.heartbeatMs }));

/** Every connection, and what comes from it: counted, decoded, put in order, and handed to who answers it. */
export class Sessions implements SocketEvents<Session> {
  readonly #options: Options;
  readonly #sessions = new Set<Session>();
  readonly addresses: Meters<string, Session>;
  readonly #rate: Rate;
  readonly #refusedRate: Rate;
  readonly #notices: Subscription[] = [];
  #whenNone: (() => void) | undefined;

  constructor(options: Options) {
    this.#options = options;
    const { commandsPerSecond, addressCommandsPerSecond, connectionsPerAddress } = options.config;
    this.#rate = rateOf(commandsPerSecond);
    this.#refusedRate = { ...this.#rate, burstMs: this.#rate.burstMs * LIMITS.refusedBursts };
    this.addresses = new Meters({ commandsPerSecond: addressCommandsPerSecond, connectionsMax: connectionsPerAddress });
  }

  start(): void {
    const { bus } = this.#options;
    this.#notices.push(
      bus.subscribe(NOTICES, ({ notices }) => {
        for (const notice of notices) this.#notify(notice.holder, messageOf(notice));
      }),
      bus.subscribe(BOOKING_NEWS, ({ userId, bookingId: id, showtimeId: showtime, status, reason }) =>
        // The casts: the services have checked them; a client only hands them back.
        this.#notify(userId as HolderId, {
          op: "booking",
          bookingId: id as BookingId,
          showtime: showtime as ShowtimeId,
          status,
          ...(reason !== null && { reason }),
        }),
      ),
    );
  }

  stop(): void {
    for (const subscription of this.#notices.splice(0)) subscription.close();
  }

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  accept(socket: Socket): Session {
    return new Session(socket, this.#options.counts);
  }

  opened(session: Session): void {
    this.#sessions.add(session);
    session.address = this.addresses.enter(session.socket.address, session);
    if (this.#sessions.size > this.#options.connectionsMax) {
      session.close(CLOSE_CODES.FULL);
    } else if (session.address.isOvercrowded) {
      // For now: connections that died without a word count until they are found out, and so does the word of an edge that is gone.
      session.close(CLOSE_CODES.TOO_MANY_CONNECTIONS);
    } else {
      session.sendFrame(WELCOME.in(session.socket.encoding));
    }
  }

  message(session: Session, data: ArrayBuffer, isBinary: boolean): void {
    this.#options.counts.messages++;
    if (data.byteLength > WS_LIMITS.clientMessageBytes) return session.close(CLOSE_CODES.TOO_BIG);
    const decoded = decode(data, isBinary, session.socket.encoding);
    if (!decoded.ok) return this.#complain(session, decoded.reason, decoded.rid);
    const waitMs = this.#charge(session);
    const { message } = decoded;
    // What an unwatch leaves would go on coming, and cost more than to take it.
    if (waitMs === 0 || endsAWatch(session, message)) return this.#handle(session, message);
    if (!this.#isBorne(session)) return session.close(CLOSE_CODES.TOO_FAST);
    if (message.op !== "unwatch") refuseForNow(session, message, waitMs);
  }

  dropped(session: Session): void {
    this.#options.audience.fellBehind(session);
  }

  drained(session: Session): void {
    session.drained();
    this.#options.audience.caughtUp(session);
  }

  closed(session: Session): void {
    session.isClosed = true;
    this.#sessions.delete(session);
    session.address?.leave(session);
    this.#options.signIn.end(session);
    this.#options.audience.leave(session);
    if (this.#sessions.size === 0) this.#whenNone?.();
  }

  /** `gone` is called once there is no connection. */
  whenNone(gone: () => void): void {
    if (this.#sessions.size === 0) gone();
    else this.#whenNone = gone;
  }

  /** For a message that was charged like any other, and turned out to be a dear one. */
  chargeMore({ bucket, address }: Session): void {
    const now = this.#options.clock.monotonic();
    bucket.takeMore(this.#rate, now, LIMITS.dearMessages - 1);
    address?.takeMore(now, LIMITS.dearMessages - 1);
  }

  /**
   * The token before them was judged: those that waited for it, in their order, unless it and they cost more than there was.
   * @param newcomer who was nobody when they came, so that no user has been charged for them
   */
  settled(session: Session, newcomer?: Meter<Session>): void {
    const waiting = session.waiting ?? [];
    session.waiting = undefined;
    for (const message of waiting) {
      if (session.isClosed) return;
      const now = this.#options.clock.monotonic();
      const waitMs = Math.max(this.#owedMs(session, now), newcomer?.waitMs(now) ?? 0);
      if (waitMs > 0) {
        refuseForNow(session, message, waitMs);
      } else {
        newcomer?.take(now);
        this.#handle(session, message);
      }
    }
  }

  sweep(): void {
    const now = this.#options.clock.monotonic();
    this.addresses.sweep(now);
    this.#options.signIn.users.sweep(now);
    for (const session of this.#sessions) {
      if (session.unreadMs(now) >= LIMITS.unreadMaxMs) session.close(CLOSE_CODES.SLOW);
    }
  }

  #complain(session: Session, reason: string, rid: RequestId | undefined): void {
    session.refuse({ code: "BAD_MESSAGE", message: reason }, rid);
    if (++session.badMessages >= LIMITS.badMessagesMax) session.close(CLOSE_CODES.POLICY);
  }

  /** How long the session has to wait before it may send this message, 0 when it may; only then it is charged for it. */
  #charge({ bucket, user, address }: Session): number {
    const now = this.#options.clock.monotonic();
    const waitMs = Math.max(bucket.waitMs(this.#rate, now), user?.waitMs(now) ?? 0, address?.waitMs(now) ?? 0);
    if (waitMs > 0) return waitMs;
    bucket.take(this.#rate, now);
    user?.take(now);
    address?.take(now);
    return 0;
  }

  /** How long what was charged already has to wait, because what came before it turned out to be dear. */
  #owedMs({ bucket, address }: Session, now: number): number {
    return Math.max(bucket.owedMs(this.#rate, now), address?.owedMs(now) ?? 0);
  }

  /** Whether the session may be refused once more, which costs nearly as much as to be heard. */
  #isBorne(session: Session): boolean {
    const now = this.#options.clock.monotonic();
    session.refused ??= new Bucket();
    if (session.refused.waitMs(this.#refusedRate, now) > 0) return false;
    session.refused.take(this.#refusedRate, now);
    return true;
  }

  #handle(session: Session, message: ClientMessage): void {
    if (session.waiting !== undefined) return this.#wait(session, session.waiting, message);
    switch (message.op) {
      case "auth":
        return this.#options.signIn.begin(session, message.token);
      case "watch": {
        const { showtime, epoch, seq } = message;
        const position = epoch === undefined || seq === undefined ? undefined : { epoch, seq };
        if (this.#options.audience.watch(session, showtime, position)) this.chargeMore(session);
        return;
      }
      case "unwatch":
        return this.#options.audience.unwatch(session, message.showtime);
      case "hold":
      case "extend":
      case "release":
        return this.#options.commands.send(session, message);
    }
  }

  #wait(session: Session, waiting: ClientMessage[], message: ClientMessage): void {
    if (message.op === "unwatch") {
      // It needs no token, and ends a watch that waits for one.
      session.waiting = waiting.filter((other) => other.op !== "watch" || other.showtime !== message.showtime);
      this.#options.audience.unwatch(session, message.showtime);
    } else if (waiting.length < LIMITS.waitingMax) {
      waiting.push(message);
    } else {
      const busy = {
        code: "BUSY",
        message: "Too many messages wait for the token before them.",
        retryInMs: LIMITS.comeBackMs,
      } as const;
      session.refuse(busy, "rid" in message ? message.rid : undefined);
    }
  }

  #notify(user: HolderId, message: ServerMessage): void {
    const sessions = this.#options.signIn.users.get(user)?.connections;
    if (sessions === undefined) return;
    const frame = new EncodedOnce(() => message);
    for (const session of sessions) session.sendFrame(frame.in(session.socket.encoding));
  }
}

/** Or one that waits for a token to begin. */
function endsAWatch({ watches, waiting = [] }: Session, message: ClientMessage): boolean {
  if (message.op !== "unwatch") return false;
  const { showtime } = message;
  return (
    watches.some(({ channel }) => channel.showtime === showtime) ||
    waiting.some((other) => other.op === "watch" && other.showtime === showtime)
  );
}

function refuseForNow(session: Session, message: ClientMessage, retryInMs: number): void {
  const rid = "rid" in message ? message.rid : undefined;
  session.refuse({ code: "RATE_LIMITED", message: "Too many messages.", retryInMs }, rid);
}

function messageOf(notice: Notice): ServerMessage {
  switch (notice.type) {
    case "expired":
      return { op: "expired", holdId: notice.hold };
    case "booked":
      return { op: "booked", holdId: notice.hold, bookingId: notice.booking };
  }
}
