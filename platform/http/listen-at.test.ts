import fastify from "fastify";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { ExplainedError } from "../explained/index.ts";
import { portOf } from "../testing/port-of.ts";
import { listenAt } from "./listen-at.ts";

it("says at which port a server listens that takes any", async () => {
  const app = fastify();
  app.get("/", () => "here");
  const port = await listenAt(app, { setting: "HTTP_PORT", host: "127.0.0.1", port: 0 });
  try {
    await expect((await fetch(`http://127.0.0.1:${port}`)).text()).resolves.toBe("here");
  } finally {
    await app.close();
  }
});

it("says in a sentence which setting's port was taken while the process started", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const port = portOf(other);
  const app = fastify();
  try {
    await expect(listenAt(app, { setting: "HTTP_PORT", host: "127.0.0.1", port })).rejects.toThrow(
      new ExplainedError(
        `Port ${port} on 127.0.0.1 (HTTP_PORT) is taken: stop what listens there, or choose another port.`,
      ),
    );
  } finally {
    await app.close();
    other.close();
  }
});
