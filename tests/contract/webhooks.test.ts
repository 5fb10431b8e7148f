/** Webhooks for integrators: told of what they asked for, signed, and again until they listen. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { boxOffice } from "../support/box-office.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);

interface Letter {
  readonly body: string;
  readonly headers: Record<string, string>;
}
const letters: Letter[] = [];
let refusals = 0;
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      if (refusals > 0) {
        refusals--;
        response.writeHead(500).end();
        return;
      }
      // The cast: those of Standard Webhooks come once.
      letters.push({ body, headers: request.headers as Record<string, string> });
      response.writeHead(204).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${portOf(server)}/hook`;
});
afterAll(() => void server.close());

it("a purchase is told of, signed, also after a refusal, and the log has it", async () => {
  const { token } = await purchases.admin();
  const types = ["booking.confirmed", "booking.cancelled"];
  const registered = await office.rest.post("webhooks", { token, body: { url, types } });
  expect([registered.status, registered.body]).toEqual([201, expect.objectContaining({ types, enabled: true })]);
  const { id, secret } = registered.body as { id: string; secret: string };
  const { body: read } = await office.rest.get(`webhooks/${id}`, { token });
  expect(JSON.stringify(read)).not.toContain(secret);

  refusals = 1;
  const guest = await office.guest();
  const booking = await purchases.buy(guest, office.anotherShowtime("ha_studio"), [1]);
  await office.rest.post(`bookings/${booking.id}/cancel`, { token: guest.token, body: {} });
  const told = () => new Set(letters.map(({ body }) => (JSON.parse(body) as { type: string }).type)); // CloudEvents.
  await expect.poll(told, { timeout: 28_000 }).toEqual(new Set(types));
  for (const { body, headers } of letters) {
    const event = new Webhook(secret).verify(body, headers) as { type: string; subject: string };
    expect(types).toContain(event.type);
    expect(body).toContain(booking.id);
    expect(() => new Webhook(secret).verify(body.replace(booking.id, "bk_other"), headers)).toThrow();
  }
  const log = await office.rest.get<{ items: unknown[] }>(`webhooks/${id}/deliveries`, { token });
  expect([log.status, log.body.items.length]).toEqual([200, expect.toBeOneOf([2, 3])]);
  expect((await office.rest.call("DELETE", `webhooks/${id}`, { token })).status).toBe(204);
  expect(await office.rest.get(`webhooks/${id}`, { token })).toMatchObject(problem(404, "NOT_FOUND"));
});

it.each([
  ["no address", { url: "x" }],
  ["no web address", { url: "ftp://example.com/" }],
  ["a script", { url: "javascript:alert(1)" }],
  ["no such event", { types: ["booking.stolen"] }],
  ["no events", { types: [] }],
  ["a secret of their own", { secret: "x" }],
])("%s is refused", async (_, wrong) => {
  const { token } = await purchases.admin();
  const body = { url, types: ["booking.confirmed"], ...wrong };
  expect(await office.rest.post("webhooks", { token, body })).toMatchObject(problem(400, "BAD_MESSAGE"));
});
