import helmet from "@fastify/helmet";
import fastify, { type onRequestHookHandler } from "fastify";

/**
 * What helmet puts on every answer. It reckons them anew each time, which costs more than all the rest of a small answer; ours never
 * differ, so it is asked once.
 */
export async function securityHeaders(): Promise<onRequestHookHandler> {
  const probe = fastify();
  await probe.register(helmet, {
    hsts: false, // Whoever terminates TLS in front of us decides that.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        connectSrc: ["'self'", "ws:", "wss:"],
        imgSrc: ["'self'", "data:"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  probe.get("/", (_request, reply) => reply.code(204).send());
  const { headers } = await probe.inject("/");
  await probe.close();
  const own = Object.entries(headers).filter(([name]) => !["date", "connection", "content-length"].includes(name));
  const standing = Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
  return (_request, reply, done) => {
    void reply.headers(standing);
    done();
  };
}
