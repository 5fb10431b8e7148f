import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { until } from "../../platform/testing/until.ts";
import { HttpLoad } from "./http-load.ts";

/** What the load says of a server once that had ten requests; `answer` gets the number of each. */
async function failureOf(answer: (number: number, ...rest: Parameters<RequestListener>) => void): Promise<unknown> {
  let requests = 0;
  const server = createServer((request, response) => answer(++requests, request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const load = new HttpLoad();
  load.open({
    url: `http://127.0.0.1:${portOf(server)}`,
    connections: 1,
    requests: [{ method: "GET", path: "/movies", expects: 200 }],
  });
  load.begin();
  onTestFinished(async () => {
    await load.end();
    server.closeAllConnections();
    server.close();
  });
  await until(() => requests >= 10, "ten requests");
  try {
    return load.take();
  } catch (error) {
    return error;
  }
}

it("a server that ends connections without an answer fails the load: the generator opens others, and says nothing", async () => {
  const failure = await failureOf((number, { socket }, response) => {
    if (number % 2 === 0) socket.end();
    else response.end("{}");
  });
  expect(failure).toMatchObject({ message: "The server ended connections that had no answer yet." });
});

it("a server that sheds every second request fails the load: it would be done sooner", async () => {
  const failure = await failureOf((number, _request, response) => {
    if (number % 2 === 0) response.writeHead(503);
    response.end("busy");
  });
  expect(failure).toMatchObject({ message: "GET /movies was answered with 503 and not 200: busy" });
});
