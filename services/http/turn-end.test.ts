import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { testServer } from "./testing.ts";

it("answers all that came in one turn, and one that cannot be written does not keep the others from it", async () => {
  const server = await testServer();
  try {
    const waiting: (() => void)[] = [];
    const together = () =>
      new Promise<void>((resolve) => {
        if (waiting.push(resolve) === 3) for (const go of waiting.splice(0)) go();
      });
    server.app.get("/fine", async () => {
      await together();
      return { fine: true };
    });
    server.app.get("/garbled", async (_request, reply) => {
      await together();
      return reply.header("location", "/a\r\nset-cookie: b=c").send({ fine: false });
    });
    await server.app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = server.app.server.address() as AddressInfo; // It listens on TCP.
    const paths = ["fine", "garbled", "fine"];
    const answers = await Promise.all(paths.map((path) => fetch(`http://127.0.0.1:${port}/${path}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 200]);
    expect(await answers[1]?.json()).toMatchObject({ code: "INTERNAL" });
    expect(answers[1]?.headers.get("set-cookie")).toBeNull();
    expect(answers[1]?.headers.get("x-content-type-options")).toBe("nosniff");
  } finally {
    await server.close();
  }
});

it("answers for a stream that breaks before the turn ends, and goes on", async () => {
  const server = await testServer();
  try {
    server.app.get("/broken", async (_request, reply) => {
      const stream = new Readable({ read() {} });
      process.nextTick(() => stream.destroy(new Error("gone")));
      return reply.type("application/pdf").send(stream);
    });
    const answer = await server.app.inject({ url: "/broken" }); // What nobody catches fails the run.
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: "INTERNAL" });
  } finally {
    await server.close();
  }
});
