import { createEdge } from "../../edge/index.ts";
import type { TokenVerifier } from "../../platform/auth/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import type { EngineClient } from "../../platform/engine-client/index.ts";
import { ownOrigins } from "./ports/own-origins.ts";
import type { Role } from "./role.ts";
import type { Shared } from "./start-redis.ts";

interface Options {
  readonly bus: Bus;
  readonly engine: EngineClient;
  readonly verifier: TokenVerifier;
  /** With other processes, where there is Redis. */
  readonly shared: Shared | undefined;
  /** Pages that may connect besides those of the settings. */
  readonly pageOrigins: readonly string[];
  readonly isOneOfMany: boolean;
}

/** The WebSocket port. @returns the port @throws WebSocketServerError */
export async function startEdge(
  role: Role,
  { bus, engine, verifier, shared, pageOrigins, isOneOfMany }: Options,
): Promise<number> {
  const { config, clock, log, metrics, lifecycle } = role;
  const publicOrigin = config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin];
  const edge = createEdge({
    bus,
    engine,
    verifier,
    clock,
    random: Math.random,
    log,
    metrics,
    isOneOfMany,
    usage: shared?.usage,
    config: { ...config, allowedOrigins: [...config.allowedOrigins, ...publicOrigin, ...pageOrigins] },
    // Some clients that are no browser name the WebSocket's own address. There are no pages at it that could do harm.
    ownOrigins: (port) => ownOrigins("http", config.host, port),
  });
  const { port } = await lifecycle.start({ name: "edge", start: () => edge.start(), stop: () => edge.drain() });
  return port;
}
