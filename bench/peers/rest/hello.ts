/** What Fastify can do at most: one route with a schema, nothing behind it. Environment: PORT. */
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { announce } from "../front/announce.ts";

const app = fastify();
const schema = {
  response: { 200: { type: "object", properties: { hello: { type: "string" } }, required: ["hello"] } },
} as const;
app.get("/*", { schema }, () => ({ hello: "world" }));
await app.listen({ port: Number(process.env["PORT"] ?? 0), host: "127.0.0.1" });
announce((app.server.address() as AddressInfo).port); // The cast: it listens on TCP.
