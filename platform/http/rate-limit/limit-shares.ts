import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
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
  const connections = new Members<Socket>();
  app.server.on("connection", (socket) => {
    const [address = ""] = socket.remoteAddress?.split("%", 1) ?? []; // Without its zone.
    if (address === "" || trusted.check(address, familyOf(address))) return;
    const network = networkOf(address);
    if (connections.of(network).size >= shares.connections) return void socket.destroy();
    connections.add(network, socket);
  });
  // Idle ones are as many as there are browsers about; who comes next finds room.
  app.server.on("drop", () => app.server.closeIdleConnections());

  const withBody = new Members<IncomingMessage>();
  app.addHook("onRequest", (request, reply, done) => {
    const { raw, headers } = request;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    if (!hasBody || !("complete" in raw)) return done(); // An injected request is whole, and does not say so.
    const network = networkOf(request.ip);
    const others = withBody.of(network);
    // Of a crowd that came in one moment most have arrived, and only wait to be read.
    if (others.size >= shares.unfinished) for (const other of others) if (other.complete) others.delete(other);
    if (others.size >= shares.unfinished) {
      void reply.header("connection", "close"); // Else it would wait for the rest.
      return done(
        new Problem("RATE_LIMITED", "Too many requests of this address are not sent to their end.", {
          retryInMs: RETRY_IN_MS,
        }),
      );
    }
    withBody.add(network, raw);
    done();
  });
}

/** What is open, by network, for as long as it is. */
class Members<Member extends Socket | IncomingMessage> {
  readonly #members = new Map<string, Set<Member>>();

  of(network: string): Set<Member> {
    return this.#members.get(network) ?? new Set();
  }

  add(network: string, member: Member): void {
    const members = this.of(network);
    this.#members.set(network, members.add(member));
    member.once("close", () => {
      members.delete(member);
      if (members.size === 0 && this.#members.get(network) === members) this.#members.delete(network);
    });
  }
}
