import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { UsherClient } from "../../client/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { Rest } from "../support/rest.ts";
import { freePort } from "../support/usher-process.ts";
import { ends, engine, launch, prepareRoles, SLOW } from "./roles.ts";

/** Clients: so many do not all come to the same edge by chance. */
const MANY = 50;
const HELD = 1;

prepareRoles();

it("two edges share a port, and the clients of one that is killed go on at the other", { timeout: SLOW }, async () => {
  const own = await testDatabase();
  ends.push(() => own.drop());
  const wsPort = await freePort();
  const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: String(wsPort) };
  await engine(more);
  const services = launch("services", more);
  const [, httpPort] = await services.said(/API +http:\/\/[^/]*:(\d+)\//);
  await services.said(/^ready$/m);
  const edges = [launch("edge", more), launch("edge", more)] as const;
  const connections = await Promise.all(
    edges.map(async (edge) => {
      const [, metrics = ""] = await edge.said(/metrics +(http:\S+)/);
      await edge.said(/^ready$/m);
      return async () => Number(/^usher_edge_connections\S* (\d+)/m.exec(await (await fetch(metrics)).text())?.[1]);
    }),
  );
  const rest = new Rest(Number(httpPort));
  const [showtime = ""] = await rest.showtimeIds();
  const { token } = await rest.guest();
  const clients = Array.from(
    { length: MANY },
    () => new UsherClient({ url: `ws://127.0.0.1:${wsPort}/v1`, WebSocket, token }),
  );
  for (const client of clients) ends.push(() => client.close());
  const halls = clients.map((client) => client.watch(showtime));
  await Promise.all([...clients.map((client) => client.connect()), ...halls.map((hall) => hall.ready)]);
  const shares = await Promise.all(connections.map((count) => count()));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(MANY);
  for (const share of shares) expect(share).toBeGreaterThan(0);

  edges[0].child.kill("SIGKILL");
  await edges[0].ended;
  await expect.poll(connections[1]!).toBe(MANY);
  const { seats } = await clients[0]!.holdBest(showtime, { count: 2 });
  const see = (): number => halls.filter(({ statuses }) => seats.every((seat) => statuses[seat] === HELD)).length;
  await expect.poll(see).toBe(MANY);
});
