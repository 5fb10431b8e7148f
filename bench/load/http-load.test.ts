import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { HttpLoad } from "./http-load.ts";

it("a server that ends connections without an answer fails the load: the generator opens others, and says nothing", async () => {
  let requests = 0;
  const server = createServer((request, response) => {
    if (++requests % 2 === 0) request.socket.end();
    else response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const load = new HttpLoad();
  load.open({
    url: `http://127.0.0.1:${portOf(server)}`,
    connections: 1,
    requests: [{ method: "GET", path: "/movies", expects: 200 }],
  });
  load.begin();
  try {
    while (requests < 10) await pause(5);
    expect(() => load.take()).toThrow("The server ended connections that had no answer yet.");
  } finally {
    await load.end();
    server.closeAllConnections();
    server.close();
  }
});

it("a server that sheds every second request fails the load: it would be done sooner", async () => {
  let requests = 0;
  const server = createServer((_request, response) => {
    if (++requests % 2 === 0) response.writeHead(503);
    response.end("busy");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const load = new HttpLoad();
  load.open({
    url: `http://127.0.0.1:${port}`,
    connections: 1,
    requests: [{ method: "GET", path: "/movies", expects: 200 }],
  });
  load.begin();
  try {
    while (requests < 10) await pause(5);
    expect(() => load.take()).toThrow("GET /movies was answered with 503 and not 200: busy");
  } finally {
    await load.end();
    server.closeAllConnections();
    server.close();
  }
});
