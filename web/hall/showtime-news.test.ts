import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { RestClient, type Showtime, UsherClient } from "../../client/index.ts";
import { ShowtimeNews } from "./showtime-news.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** News of a showtime whose sale begins in an hour, by the clock here, which is so much behind the server's. */
function follow(behindMs = 0) {
  const startsAt = new Date(Date.now() + 3_600_000).toISOString();
  const endsAt = new Date(Date.now() + 7_200_000).toISOString();
  // The cast: the rest of a showtime does not matter here.
  const showtime = { id: "premiere", status: "announced", salesStartAt: startsAt, salesEndAt: endsAt } as Showtime;
  const counts = { looks: 0, changes: 0 };
  const catalogue = { showtime };
  const fetch = (): Promise<Response> => {
    counts.looks++;
    const date = new Date(Date.now() + behindMs).toUTCString();
    return Promise.resolve(Response.json(catalogue.showtime, { headers: { date } }));
  };
  // It is not connected.
  const client = new UsherClient({ url: "ws://127.0.0.1", WebSocket });
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const news = new ShowtimeNews({ client, rest, showtime, changed: () => counts.changes++ });
  return { news, catalogue, counts };
}

const pass = async (minutes: number): Promise<void> => {
  for (let minute = 0; minute < minutes; minute++) await vi.advanceTimersByTimeAsync(60_000);
};

test("a showtime is read again every few minutes while its page is open, and what is new is told of once", async () => {
  const { news, catalogue, counts } = follow();
  catalogue.showtime = { ...catalogue.showtime, status: "cancelled" };
  await pass(18);
  expect(counts.looks).toBeGreaterThanOrEqual(4);
  expect(counts.looks).toBeLessThanOrEqual(12);
  expect(counts.changes).toBe(1);
  expect(news.showtime.status).toBe("cancelled");
  const { looks } = counts;
  news.close();
  await pass(18);
  expect(counts.looks).toBe(looks);
});

test("the moment when a sale begins is told of by the clock, and read by each page some time after", async () => {
  const { counts } = follow();
  await pass(59);
  expect(counts.changes).toBe(0);
  await vi.advanceTimersByTimeAsync(60_000);
  const { looks } = counts;
  expect(counts.changes).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(counts.looks).toBe(looks + 1);
});

test("the moment when a sale begins is the server's, where the clock here is wrong", async () => {
  const { news, counts } = follow(30 * 60_000);
  await news.look();
  await pass(28);
  expect(counts.changes).toBe(0);
  await pass(3);
  expect(counts.changes).toBe(1);
});

test("asked for twice at once it is read once", async () => {
  const { news, counts } = follow();
  await Promise.all([news.look(), news.look()]);
  expect(counts.looks).toBe(1);
});
