import pino from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import {
  type Command,
  holderId,
  type Reply,
  type RequestId,
  type SaleLimits,
  showtimeId,
} from "../../../proto/index.ts";
import { NOTHING_ACKNOWLEDGED } from "../../journal/index.ts";
import { type Fault, FaultyJournal } from "../../testing/faulty-journal.ts";
import { smallHall } from "../../testing/small-hall.ts";
import { GroupCommit } from "../group-commit.ts";
import { REFUSALS_MAX } from "../limits.ts";
import { RefusalMemory } from "../refusal-memory.ts";
import { Shard, type ShardOptions } from "../shard.ts";

export const log = pino({ level: "silent" });
export const showtime = showtimeId("st-1");
export const [anna, bert] = [holderId("anna"), holderId("bert")];
export const LIMITS: SaleLimits = {
  holdTtlMs: 5_000,
  holdMaxMs: 15_000,
  paymentTtlMs: 4_000,
  maxSeatsPerHolder: 6,
  maxExtensions: 2,
};
export const RULES = {
  salesStartAt: 0,
  salesEndAt: Date.UTC(2100, 0, 1),
  orphan: "none",
  accessibleRelease: { when: "always" },
} as const;

export type Wish = Command extends infer Each
  ? Each extends Command
    ? Omit<Each, "showtime" | "holder" | "rid">
    : never
  : never;

type Held = Extract<Reply, { type: "held" }>;

/** A shard on a virtual clock that sells one small hall, its journal that fails as it is told to, and whoever asks. */
export class Desk {
  readonly clock = new VirtualClock();
  readonly bus = new InProcessBus({ clock: this.clock, log });
  fault: Fault = "none";
  /** How long a commit takes, in milliseconds; not a whole number of them, as on a real clock. */
  latency = 10.37;
  readonly journal = new FaultyJournal({ clock: this.clock, fault: () => this.fault, latency: () => this.latency });
  /** The one that is asked; a test may put another in its place. */
  shard: Shard;
  #rids = 0;
  #owners = 0;

  private constructor() {
    this.shard = this.#make({});
  }

  /** With the showtime on sale. */
  static async open(): Promise<Desk> {
    const desk = new Desk();
    await desk.#start(desk.shard);
    await desk.told({ type: "open", plan: smallHall(24), rules: RULES });
    return desk;
  }

  /** Another shard on the same journal. */
  async started(
    more: Partial<Pick<ShardOptions, "acknowledged" | "commits" | "id" | "limits" | "log" | "proof" | "shards">> = {},
  ): Promise<Shard> {
    const made = this.#make(more);
    await this.#start(made);
    return made;
  }

  readonly command = (wish: Wish, holder = anna): Command => ({
    showtime,
    holder,
    rid: `r${++this.#rids}` as RequestId,
    ...wish,
  });

  /** Hands requests to the shard; the answers are there once they have left it. */
  tell(...requests: Command[]): { replies?: readonly Reply[] } {
    const answer: { replies?: readonly Reply[] } = {};
    this.shard.handle({ requests }, ({ replies }) => {
      answer.replies = replies;
    });
    return answer;
  }

  async told(wish: Wish, holder = anna): Promise<Reply> {
    const answer = this.tell(this.command(wish, holder));
    await this.clock.advance(this.latency + 1);
    const [reply] = answer.replies ?? [];
    if (reply === undefined) throw new Error(`no answer to ${wish.type}`);
    return reply;
  }

  async heldBy(seats: number[], holder = anna): Promise<Held> {
    const reply = await this.told({ type: "hold", seats }, holder);
    if (reply.type !== "held") throw new Error(JSON.stringify(reply));
    return reply;
  }

  /** Time left of Anna's hold, in milliseconds. */
  async timeLeft(hold: string): Promise<number> {
    const answer: { reply?: Reply } = {};
    const query = { type: "get-hold", showtime, holder: anna, hold: hold as Held["hold"] } as const;
    this.shard.handle({ requests: [query] }, ({ replies: [reply] }) => {
      if (reply !== undefined) answer.reply = reply;
    });
    await this.clock.advance(this.latency + 1);
    return answer.reply?.type === "hold" ? answer.reply.expiresInMs : -1;
  }

  /** What comes of work that waits for the journal. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    await this.clock.advance(50);
    return promise;
  }

  #make(more: Partial<ShardOptions>): Shard {
    const { clock, bus, journal } = this;
    return new Shard({
      id: 0,
      shards: 1,
      owner: `owner-${++this.#owners}`,
      limits: LIMITS,
      refusals: new RefusalMemory({ clock, max: REFUSALS_MAX }),
      acknowledged: NOTHING_ACKNOWLEDGED,
      journal,
      commits: new GroupCommit(journal, clock),
      bus,
      clock,
      log,
      proof: { isFresh: true, renew: () => undefined },
      onCommitted: () => undefined,
      onReplaced: () => undefined,
      ...more,
    });
  }

  async #start(made: Shard): Promise<void> {
    const starting = made.start();
    starting.catch(() => undefined);
    await this.clock.advance(50);
    await starting;
  }
}
