import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, vi } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { WebSocketClient } from "./web-socket.ts";

it("says how a server refused", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => void socket.write("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const nothing = (): void => undefined;
  try {
    await expect(WebSocketClient.open({ port, path: "/v1", onMessage: nothing, onClose: nothing })).rejects.toThrow(
      "The server let no WebSocket in: HTTP/1.1 429 Too Many Requests.",
    );
  } finally {
    server.close();
  }
});

it("does not wait for ever for a server that lets nobody in, and does not say so", async () => {
  const server = createServer((socket) => void socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const nothing = (): void => undefined;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const opening = WebSocketClient.open({ port, path: "/v1", onMessage: nothing, onClose: nothing });
    const refused = expect(opening).rejects.toThrow("The server let no WebSocket in within 30 s.");
    await once(server, "connection");
    vi.advanceTimersByTime(30_000);
    await refused;
  } finally {
    vi.useRealTimers();
    server.close();
  }
});
