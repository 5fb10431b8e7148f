import { expect, test } from "vitest";
import { RestClient } from "../client/index.ts";
import { ManualClock } from "../client/testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "../client/testing/scripted-server.ts";
import { createClient, eventOf, startServer } from "../client/testing/world.ts";
import { Basket } from "./basket.ts";
import { Session } from "./session.ts";

/** The basket of a guest who is signed in; `fetch` is what REST answers. */
async function openBasket(fetch: () => Promise<Response>) {
  const server = await startServer();
  const clock = new ManualClock();
  const client = createClient(server, { clock });
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const session = new Session(rest, { getItem: () => JSON.stringify({ token: GOOD_TOKEN }), setItem: () => {} });
  const ignore = () => {};
  const told = { changed: ignore, failed: ignore, lost: ignore };
  const basket = new Basket({ client, rest, session, showtime: PREMIERE, ...told });
  await client.connect();
  await eventOf(client, "authed");
  return { server, clock, basket };
}

test("an answer about a hold from before it was extended does not shorten it", async () => {
  let answer: (response: Response) => void = () => {};
  const { clock, basket } = await openBasket(() => new Promise((resolve) => (answer = resolve)));
  await basket.take([5], false);
  clock.sleep(100_000);
  const refreshed = basket.refresh();
  await basket.extend();
  expect(basket.msLeft).toBe(300_000);
  answer(Response.json({ seats: [5], expiresInMs: 200_000 }));
  await refreshed;
  expect(basket.msLeft).toBe(300_000);
});
