import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import type { Routes } from "./routes.ts";

/** Where the browser finds the WebSocket. Asked at each request: the port is known only once it listens. */
export interface WebSocketAddress {
  readonly port: number;
  /** Where that is not this server's own host and `port`. */
  readonly url?: string;
  /** The entry in front of us takes WebSockets at the address where it takes requests. */
  readonly sameEntry?: boolean;
}

const BrowserConfig = Type.Object({ wsPort: Type.Integer(), webSocketUrl: Type.String() });

/** The built web page at `/` (or, where it was not built, the way to /docs), and what the page must know at run time. */
export function webApp(options: { root: string | undefined; webSocket: () => WebSocketAddress }): Routes {
  const { root, webSocket } = options;
  return async (app) => {
    app.get(
      "/config.json",
      {
        schema: {
          operationId: "getBrowserConfig",
          tags: ["operations"],
          summary: "Where the browser's page finds the WebSocket",
          response: { 200: BrowserConfig },
        },
      },
      async (request, reply) => {
        const { port, url, sameEntry = false } = webSocket();
        const scheme = request.protocol === "https" ? "wss" : "ws";
        const host = sameEntry ? request.host : `${request.hostname}:${port}`;
        void reply.header("cache-control", "no-store");
        return { wsPort: port, webSocketUrl: url ?? `${scheme}://${host}/v1` };
      },
    );
    if (root !== undefined && existsSync(join(root, "index.html"))) {
      await app.register(fastifyStatic, { root, prefix: "/", setHeaders: askEachTime, cacheControl: false });
    } else {
      app.get("/", { schema: { hide: true } }, async (_request, reply) => reply.redirect("/docs"));
    }
  };
}

/** They keep their names from one version to the next, and have an ETag. */
const askEachTime = (reply: FastifyReply): void => void reply.header("cache-control", "no-cache");
