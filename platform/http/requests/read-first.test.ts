import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { portOf } from "../../testing/port-of.ts";
import { testServer } from "../testing.ts";

it("requests that came together are all read before the first is handled, and answered in their order", async () => {
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
  socket.write("GET /a HTTP/1.1\r\nhost: usher\r\n\r\nGET /b HTTP/1.1\r\nhost: usher\r\nconnection: close\r\n\r\n");
  await closed;
  expect(steps).toEqual(["read /a", "read /b", "handled /a", "handled /b"]);
  expect(answers.match(/"url":"[^"]+"/g)).toEqual(['"url":"/a"', '"url":"/b"']);
});
