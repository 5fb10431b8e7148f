import fastify from "fastify";
import { expect, it } from "vitest";
import { listenAt } from "./listen-at.ts";

it("says at which port a server listens that takes any", async () => {
  const app = fastify();
  app.get("/", () => "here");
  const port = await listenAt(app, { host: "127.0.0.1", port: 0 });
  try {
    await expect((await fetch(`http://127.0.0.1:${port}`)).text()).resolves.toBe("here");
  } finally {
    await app.close();
  }
});
