import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { testServer } from "../testing.ts";

it("a request that is under way at a stop is answered, and its connection ends with that", async () => {
  const server = await testServer();
  let go = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    server.app.get("/slow", async () => {
      resolve();
      await new Promise<void>((done) => (go = done));
      return { fine: true };
    });
  });
  server.app.addHook("preClose", async () => go()); // After the server's own.
  await server.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.app.server.address() as AddressInfo; // It listens on TCP.
  const asked = fetch(`http://127.0.0.1:${port}/slow`);
  await arrived;
  const closed = server.close();
  const answer = await asked;
  expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
  expect(await answer.json()).toEqual({ fine: true });
  await closed;
});
