import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { NatsBus } from "./nats-bus.ts";
import { connectNats } from "./nats-connection.ts";

interface Options {
  /** Who we are, for the server's own lists. */
  readonly name: string;
  /** The server lets each role have inboxes of its own. */
  readonly role: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A bus on a connection of its own, which ends with it.
 * @param urls as of `connectNats`
 * @throws NatsUnusable
 */
export async function openNatsBus(
  urls: string,
  { name, role, clock, log }: Options,
): Promise<{ readonly bus: NatsBus; readonly connection: NatsConnection }> {
  const inboxPrefix = `_INBOX.${role}`;
  const connection = await connectNats(urls, { name, inboxPrefix });
  return { bus: new NatsBus({ connection, inboxPrefix, clock, log }), connection };
}
