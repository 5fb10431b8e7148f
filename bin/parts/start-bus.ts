import type { NatsConnection } from "@nats-io/transport-node";
import { type Bus, InProcessBus, openNatsBus } from "../../platform/bus/index.ts";
import type { HealthCheck } from "../../platform/http/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { Role } from "./role.ts";

export interface RunningBus {
  readonly bus: Bus;
  /** The connection, where there is one. */
  readonly nats: NatsConnection | undefined;
  readonly checks: readonly HealthCheck[];
  /** To be called when every part has subscribed. @throws NatsUnusable naming a subject that the server does not let us hear */
  requirePermitted(): Promise<void>;
}

/** NATS where `NATS_URL` is set, else a bus inside the process. @param name of the role: the server may have permissions for it. */
export async function startBus({ config, clock, log, lifecycle }: Role, name: string): Promise<RunningBus> {
  const { natsUrl } = config;
  if (natsUrl === undefined) {
    const bus = await lifecycle.start({
      name: "bus",
      start: () => new InProcessBus({ clock, log }),
      stop: (started) => started.close(),
    });
    return { bus, nats: undefined, checks: [], requirePermitted: () => Promise.resolve() };
  }
  const { bus, connection } = await lifecycle.start({
    name: "bus",
    start: () => openNatsBus(natsUrl, { name: `usher-${name}`, role: name, clock, log }),
    stop: (started) => started.bus.close(),
  });
  await bus.requirePermitted(); // Without its inbox every question of a part would time out.
  const checks = [{ name: "nats", check: async () => bus.requireConnected() }];
  return { bus, nats: connection, checks, requirePermitted: () => bus.requirePermitted() };
}

/**
 * A role that runs apart meets the others over NATS, and nowhere else.
 * @param orElse what else may be done where there is no NATS
 * @returns where that is
 * @throws ExplainedError
 */
export function requireNats(natsUrl: string | undefined, role: string, orElse = "start `usher all`"): string {
  if (natsUrl !== undefined) return natsUrl;
  throw new ExplainedError(
    `\`usher ${role}\` meets the other roles over NATS: set NATS_URL, such as nats://127.0.0.1:4222, or ${orElse}.`,
  );
}
