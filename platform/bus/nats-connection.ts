/** A connection to NATS that never gives up once it has been made. */
import { randomBytes } from "node:crypto";
import {
  AuthorizationError,
  connect,
  type NatsConnection,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";
import {
  NATS_CONNECT_TIMEOUT_MS,
  NATS_PING_EVERY_MS,
  NATS_PINGS_MAX,
  NATS_RECONNECT_MS,
  NATS_VERSION_MIN,
} from "./limits.ts";
import { ExplainedError, messageOf } from "../explained/index.ts";

/** The server cannot be used; the message says why, and what to do, in one sentence. */
export class NatsUnusable extends ExplainedError {
  override readonly name = "NatsUnusable";
}

/**
 * @param urls one URL or several, joined by commas; a user and a password stand in the first that has them.
 * @param options.name who we are, for the server's own lists.
 * @param options.inboxPrefix subjects that answers to us come on; the server lets each role have its own.
 * @throws NatsUnusable
 */
export async function connectNats(
  urls: string,
  options: { readonly name: string; readonly inboxPrefix: string },
): Promise<NatsConnection> {
  const servers = urls.split(",").map((text) => new URL(text.trim()));
  const { username = "", password = "" } = servers.find((url) => url.username !== "") ?? {};
  const hosts = servers.map((url) => url.host).join(", ");
  const wanted = {
    servers: servers.map((url) => `${url.protocol}//${url.host}`),
    ...(username !== "" && { user: decoded(username), pass: decoded(password) }),
    ...(servers.some((url) => url.protocol === "tls:") && { tls: {} }),
    ...options,
    // The library counts its inboxes up, and takes whatever comes there: who knows one of the process, and may publish to such, must not know
    // those of JetStream.
    inboxPrefix: `${options.inboxPrefix}.${randomBytes(16).toString("base64url")}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: NATS_RECONNECT_MS,
    reconnectJitter: NATS_RECONNECT_MS,
    ignoreAuthErrorAbort: true, // A server that comes back with an old configuration is no reason to give up for good.
    pingInterval: NATS_PING_EVERY_MS,
    maxPingOut: NATS_PINGS_MAX,
    timeout: NATS_CONNECT_TIMEOUT_MS,
  };
  try {
    // Where each server of a cluster refuses us, each names the others before it does, and they would be tried in a circle for ever.
    const trial = await connect({ ...wanted, ignoreClusterUpdates: true });
    const { version = "?", headers } = trial.info ?? {};
    await trial.close();
    if (headers !== true || version.localeCompare(NATS_VERSION_MIN, "en", { numeric: true }) < 0) {
      throw new NatsUnusable(
        `NATS_URL: the server at ${hosts} is version ${version}; Usher needs ${NATS_VERSION_MIN} or newer.`,
      );
    }
    return await connect(wanted);
  } catch (error) {
    if (error instanceof NatsUnusable) throw error;
    const isRefused = error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
    throw new NatsUnusable(whyNot(hosts, error, isRefused), { cause: error });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new NatsUnusable("NATS_URL: a % in the user or the password has to be written as %25.", { cause });
  }
}

function whyNot(hosts: string, error: unknown, isRefused: boolean): string {
  if (isRefused) {
    return `NATS_URL: the server at ${hosts} refuses the user or the password; correct them in NATS_URL.`;
  }
  const reason = messageOf(error);
  return `NATS_URL: no NATS server answers at ${hosts} (${reason}); start one, or correct NATS_URL.`;
}
