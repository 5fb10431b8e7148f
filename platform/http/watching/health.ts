import { Gauge } from "prom-client";
import { Type } from "typebox";
import { DependencyState } from "../../../proto/rest/index.ts";
import { type Clock, every, type Timer, within } from "../../clock/index.ts";
import type { Logger } from "../../log/index.ts";
import type { Registry } from "../../metrics/index.ts";
import { HEALTH_CHECK_SLOW_MS, HEALTH_CHECK_TIMEOUT_MS, HEALTH_LOOK_EVERY_MS } from "../limits.ts";
import type { Closing } from "../lifetime/closing.ts";
import { Problem } from "../answers/problem.ts";
import type { Routes } from "../routes.ts";

/** A dependency without which requests fail, unless it is said to be dispensable: then it is named, and no more. */
export interface HealthCheck {
  readonly name: string;
  readonly isDispensable?: true;
  /** @throws when the dependency cannot be used now; the reason goes to the log */
  check(): Promise<void>;
}

const Live = Type.Object({ status: Type.Literal("live") });
const Ready = Type.Object({ status: Type.Literal("ready"), checks: Type.Record(Type.String(), DependencyState) });

/** For probes: live while the process answers, ready while all it needs answers too. A balancer asks, where there may be one, whether to send it anything. */
export function healthRoutes(options: {
  readonly checks: readonly HealthCheck[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly closing?: Pick<Closing, "ask">;
}): Routes {
  const { checks, clock, log, metrics, closing } = options;
  const lastUpAt = new Map<HealthCheck, number>();
  const underWay = new Map<HealthCheck, { readonly since: number; readonly answer: Promise<boolean> }>();
  /** Checks that are said to be down: only changes are logged, for probes come all the time, and anybody may ask. */
  const toldDown = new Set<HealthCheck>();
  const tellDown = (check: HealthCheck, sentence: string, because: { err?: unknown } = {}): void => {
    if (!toldDown.has(check)) log.warn({ check: check.name, ...because }, sentence);
    toldDown.add(check);
  };
  const ask = async (check: HealthCheck): Promise<boolean> => {
    try {
      await check.check();
      lastUpAt.set(check, clock.monotonic());
      if (toldDown.delete(check)) log.info({ check: check.name }, "a dependency is up again");
      return true;
    } catch (error) {
      lastUpAt.delete(check);
      tellDown(check, "a dependency is down", { err: error });
      return false;
    }
  };
  /** However often it is asked for: one that hangs is joined, until it has hung for so long that another may fare better. */
  const answerOf = (check: HealthCheck): Promise<boolean> => {
    const last = underWay.get(check);
    if (last !== undefined && clock.monotonic() - last.since < HEALTH_CHECK_TIMEOUT_MS) return last.answer;
    const asked = { since: clock.monotonic(), answer: ask(check) };
    underWay.set(check, asked);
    void asked.answer.then(() => underWay.get(check) === asked && underWay.delete(check)); // It never rejects.
    return asked.answer;
  };
  // Who is busy is not down: were it taken for that, all would be at once, when there is the most to do.
  const asItWas = (check: HealthCheck): boolean => {
    const isUp = clock.monotonic() - (lastUpAt.get(check) ?? -Infinity) < HEALTH_CHECK_TIMEOUT_MS;
    if (!isUp) tellDown(check, "a dependency does not answer");
    return isUp;
  };
  /** As it was found last, for scrapes, which wait for nobody. */
  const found = new Map<HealthCheck, boolean>();
  const up = async (check: HealthCheck): Promise<boolean> => {
    const isUp = await within(clock, HEALTH_CHECK_SLOW_MS, answerOf(check), () => asItWas(check));
    found.set(check, isUp);
    return isUp;
  };
  new Gauge({
    name: "usher_dependency_up",
    help: "Whether what the process needs answered when it was last looked at: 1, or 0.",
    labelNames: ["check"],
    registers: [metrics],
    collect() {
      for (const [check, isUp] of found) this.set({ check: check.name }, isUp ? 1 : 0);
    },
  });

  const ready = async () => {
    const states = await Promise.all(checks.map(up));
    const named = checks.map(({ name }, index) => [name, { state: states[index] ? "up" : "down" }] as const);
    const down = checks.filter(({ isDispensable }, at) => !states[at] && !isDispensable).map(({ name }) => name);
    const report: Record<string, { state: "up" | "down" }> = Object.fromEntries(named);
    if (down.length > 0) throw new Problem("UNAVAILABLE", `Not ready: ${down.join(", ")} down.`, { checks: report });
    return { status: "ready" as const, checks: report };
  };

  return async (app) => {
    let looking: Timer | undefined;
    // Where nobody asks whether it is ready the metrics are to tell all the same.
    app.addHook("onListen", async () => {
      looking = every(clock, HEALTH_LOOK_EVERY_MS, async () => void (await Promise.all(checks.map(up))));
    });
    app.addHook("onClose", async () => looking?.cancel());
    app.get(
      "/health/live",
      {
        config: { rateLimit: false },
        schema: {
          operationId: "getLive",
          tags: ["operations"],
          summary: "Whether the process answers",
          response: { 200: Live },
        },
      },
      async () => ({ status: "live" as const }),
    );
    app.get(
      "/health/ready",
      {
        config: { rateLimit: false, problems: ["UNAVAILABLE"] },
        schema: {
          operationId: "getReady",
          tags: ["operations"],
          summary: "Whether everything that requests need answers; each dependency with its state, also in the problem",
          response: { 200: Ready },
        },
      },
      ready,
    );
    if (closing === undefined) return;
    app.get("/health/serving", { config: { rateLimit: false }, schema: { hide: true } }, async () => {
      if (closing.ask()) throw new Problem("NOT_FOUND", "This process is stopping: it takes nothing new.");
      return ready();
    });
  };
}
