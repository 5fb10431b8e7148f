import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { portOf } from "../../testing/port-of.ts";
import { READ_FIRST_MAX } from "../limits.ts";
import { testServer } from "../testing.ts";

/** Sends them all in one write. @returns what was read and handled, in order, and who was answered */
async function pipelined(paths: readonly string[]): Promise<{ steps: string[]; answered: string[] }> {
  const { app, close } = await testServer();
  onTestFinished(close);
  const steps: string[] = [];
  app.server.prependListener("request", ({ url }) => steps.push(`read ${url}`));
  app.get("/:name", async ({ url }) => {
    steps.push(`handled ${url}`);
    return { url };
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const socket = connect(portOf(app.server), "127.0.0.1");
  const closed = once(socket, "close");
  let answers = "";
  socket.setEncoding("latin1").on("data", (text: string) => (answers += text));
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: usher\r\n`);
  socket.write(`${requests.join("\r\n")}connection: close\r\n\r\n`);
  await closed;
  return { steps, answered: [...answers.matchAll(/"url":"([^"]+)"/g)].map(([, path = ""]) => path) };
}

it("requests that came together are all read before the first is handled, and answered in their order", async () => {
  const { steps, answered } = await pipelined(["/a", "/b"]);
  expect(steps).toEqual(["read /a", "read /b", "handled /a", "handled /b"]);
  expect(answered).toEqual(["/a", "/b"]);
});

it("however many are pipelined, no more than so many wait", async () => {
  const paths = Array.from({ length: READ_FIRST_MAX + 50 }, (_, at) => `/${at}`);
  const { steps, answered } = await pipelined(paths);
  expect(steps.findIndex((step) => step.startsWith("handled"))).toBe(READ_FIRST_MAX);
  expect(answered).toEqual(paths);
});
