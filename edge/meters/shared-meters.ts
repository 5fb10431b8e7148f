import { type Clock, every, type Timer } from "../../platform/clock/index.ts";
import { LIMITS } from "../limits.ts";
import type { Meter, MeterLimits, Meters } from "./meters.ts";

/** Where edges tell each other what they use. */
export interface UsageBoard {
  /**
   * Tells what this edge uses, in whole numbers, which holds for `keepMs`. Answers soon or not at all.
   * @returns in the same order, what the others use of the same together, and how many they are @throws where it cannot be had just now
   */
  exchange(
    usages: readonly { readonly name: string; readonly amount: number }[],
    keepMs: number,
  ): Promise<readonly { readonly amount: number; readonly processes: number }[]>;
}

type AnyMeters = Meters<string, unknown>;

interface Options {
  readonly board: UsageBoard;
  readonly clock: Clock;
  /** By what they meter, such as `address`. */
  readonly kinds: Readonly<Record<string, Pick<AnyMeters, "limits" | "crowded" | "endRound">>>;
}

interface Usage {
  readonly name: string;
  readonly amount: number;
  readonly limit: number;
  readonly meter: Pick<Meter<unknown>, "allow">;
  readonly limits: MeterLimits;
  /** What is left for this edge when the others use so much. */
  left(others: { readonly amount: number; readonly processes: number }): Partial<MeterLimits>;
}

/**
 * Limits that hold for all edges together, without asking anybody on the way of a command: now and then the edges tell each other what the
 * few busiest addresses and users use of each, and each lets through what the others leave. So limits may be overrun for one round, and by a
 * user of many edges who stays below a tenth on each. Whatever the others claim, a tenth is left: one that lies, or whose
 * word is old, shuts nobody out. Where the board does not answer each edge limits by itself.
 */
export class SharedMeters {
  readonly #options: Options;
  /** Meters that may use less than their limits just now. */
  #cut: readonly Usage[] = [];
  #roundBegan = 0;
  #timer: Timer | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#roundBegan = this.#options.clock.monotonic();
    this.#timer = every(this.#options.clock, LIMITS.tellEveryMs, () => this.#exchange());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #exchange(): Promise<void> {
    const usages = this.#busiest();
    const others = usages.length === 0 ? [] : await this.#tell(usages);
    for (const { meter, limits } of this.#cut) meter.allow(limits);
    this.#cut = usages.filter((_, at) => (others[at]?.amount ?? 0) > 0);
    usages.forEach(({ meter, left }, at) => {
      const other = others[at];
      if (other !== undefined && other.amount > 0) meter.allow(left(other));
    });
  }

  async #tell(usages: readonly Usage[]): ReturnType<UsageBoard["exchange"]> {
    try {
      return await this.#options.board.exchange(
        usages.map(({ name, amount }) => ({ name, amount })),
        LIMITS.toldForMs,
      );
    } catch {
      return []; // Whoever keeps the board has told the log.
    }
  }

  #busiest(): readonly Usage[] {
    const now = this.#options.clock.monotonic();
    const seconds = (now - this.#roundBegan) / 1000;
    this.#roundBegan = now;
    const usages: Usage[] = [];
    for (const [kind, meters] of Object.entries(this.#options.kinds)) {
      const { limits } = meters;
      for (const { meter, taken } of meters.endRound()) {
        const limit = limits.commandsPerSecond;
        const left: Usage["left"] = (others) => ({ commandsPerSecond: fairShare(limit, others) });
        const amount = Math.round(taken / seconds);
        usages.push({ name: `commands:${kind}:${meter.name}`, amount, limit, meter, limits, left });
      }
      for (const meter of meters.crowded) {
        const limit = limits.connectionsMax;
        const left: Usage["left"] = (others) => ({ connectionsMax: remainder(limit, others) });
        usages.push({
          name: `connections:${kind}:${meter.name}`,
          amount: meter.connections.size,
          limit,
          meter,
          limits,
          left,
        });
      }
    }
    return usages.sort((a, b) => b.amount / b.limit - a.amount / a.limit).slice(0, LIMITS.toldMax);
  }
}

const remainder = (limit: number, others: { readonly amount: number }): number =>
  Math.max(1, limit * LIMITS.busyShare, limit - others.amount);

/** At least an equal part: if all who are busy took just what the others leave, they would swing between too much and nothing. */
const fairShare = (limit: number, others: { readonly amount: number; readonly processes: number }): number =>
  Math.max(remainder(limit, others), limit / (others.processes + 1));
