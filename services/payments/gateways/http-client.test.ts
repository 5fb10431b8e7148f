import { createServer } from "node:net";
import { expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { portOf } from "../../../platform/testing/port-of.ts";
import { sendText } from "./http-client.ts";

const HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

it.each([
  ["an upgrade that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"],
  ["nothing", ""],
  ["what is no HTTP", "nonsense\r\n\r\n"],
  ["half of it", `${HEAD}Content-Length: 10\r\n\r\nhalf`],
])("a gateway that answers with %s has not answered", async (_what, answer) => {
  await expect(send(answer)).rejects.toThrow();
});

it("an answer that ends with its connection is whole", async () => {
  expect(await send(`${HEAD}Content-Length: 4\r\n\r\nfine`)).toEqual({ status: 200, text: "fine" });
  expect(await send(`${HEAD}\r\nuntil the end`)).toEqual({ status: 200, text: "until the end" });
});

/** To a gateway that answers with this and ends the connection. */
async function send(answer: string) {
  const gateway = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  try {
    const port = portOf(gateway);
    return await sendText(`http://127.0.0.1:${port}/`, {
      clock: systemClock,
      timeoutMs: 2e3,
      method: "POST",
      headers: {},
      body: "{}",
    });
  } finally {
    gateway.close();
  }
}
