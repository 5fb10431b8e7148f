import { afterEach } from "vitest";
import { WebSocket } from "ws";
import type { ClientEvents } from "../client-events.ts";
import type { ClientOptions } from "../client-options.ts";
import { Refused } from "../refused.ts";
import { UsherClient } from "../usher-client.ts";
import { ScriptedServer } from "./scripted-server.ts";

const open: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

export async function startServer(port = 0): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(port);
  open.push({ close: () => server.stop() });
  return server;
}

/** A client in a hurry: no wait between connections, unless the test says otherwise. It is closed when the test ends. */
export function createClient(server: ScriptedServer, options: Partial<ClientOptions> = {}): UsherClient {
  const client = new UsherClient({ url: server.url, WebSocket, random: () => 0, ...options });
  open.push(client);
  return client;
}

export const eventOf = <Name extends keyof ClientEvents>(
  client: UsherClient,
  name: Name,
  isIt: (event: ClientEvents[Name]) => boolean = () => true,
): Promise<ClientEvents[Name]> =>
  new Promise((resolve) => {
    const stop = client.on(name, (event) => {
      if (!isIt(event)) return;
      stop();
      resolve(event);
    });
  });

export const refusalOf = (promise: Promise<unknown>): Promise<Refused> =>
  promise.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: unknown) =>
      error instanceof Refused ? error : Promise.reject(new Error("not a Refused", { cause: error })),
  );

/** The cast: any plain text is a user's id to a client. */
export const authedAs = (userId: string) => ({ op: "authed", userId: userId as never, role: "guest" }) as const;
