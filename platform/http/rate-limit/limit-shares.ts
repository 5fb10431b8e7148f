import type { FastifyInstance } from "fastify";
import { blockListOf, familyOf, networkOf } from "../../network/index.ts";
import { Problem } from "../answers/problem.ts";
import { RETRY_IN_MS } from "../limits.ts";

export interface Shares {
  /** Connections of one network. */
  readonly connections: number;
  /** Its requests whose bodies have not arrived yet. */
  readonly unfinished: number;
}

/**
 * Of what is there for all, and is taken for as long as a client likes, one network has a share: connections, and bodies that do not come to
 * an end. Requests are counted for that once, when they begin.
 * @param proxies whose connections are those of many, addresses or networks of them
 */
export function limitShares(app: FastifyInstance, shares: Shares, proxies: readonly string[]): void {
  const trusted = blockListOf(proxies);
  const connections = new Map<string, number>();
  app.server.on("connection", (socket) => {
    const [address = ""] = socket.remoteAddress?.split("%", 1) ?? []; // Without its zone.
    if (address === "" || trusted.check(address, familyOf(address))) return;
    const leave = enter(connections, networkOf(address), shares.connections);
    if (leave === undefined) socket.destroy();
    else socket.once("close", leave);
  });
  // Idle ones are as many as there are browsers about; who comes next finds room.
  app.server.on("drop", () => app.server.closeIdleConnections());

  const unfinished = new Map<string, number>();
  app.addHook("onRequest", (request, reply, done) => {
    const { raw, headers } = request;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    if (!hasBody || !("complete" in raw)) return done(); // An injected request is whole, and does not say so.
    const leave = enter(unfinished, networkOf(request.ip), shares.unfinished);
    if (leave === undefined) {
      void reply.header("connection", "close"); // Else it would wait for the rest.
      return done(
        new Problem("RATE_LIMITED", "Too many requests of this address are not sent to their end.", {
          retryInMs: RETRY_IN_MS,
        }),
      );
    }
    raw.once("close", leave);
    done();
  });
}

/** @returns how to leave again; nothing when there are `max` already */
function enter(counts: Map<string, number>, key: string, max: number): (() => void) | undefined {
  const count = counts.get(key) ?? 0;
  if (count >= max) return undefined;
  counts.set(key, count + 1);
  return () => {
    const left = (counts.get(key) ?? 1) - 1;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
}
