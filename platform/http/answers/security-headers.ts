import helmet from "@fastify/helmet";
import fastify, { type onRequestHookHandler } from "fastify";

/** Useful where a browser shows the answer as a page, or a plug-in of old would have. What the API answers is neither. */
const FOR_PAGES: ReadonlySet<string> = new Set([
  "cross-origin-opener-policy",
  "origin-agent-cluster",
  "x-dns-prefetch-control",
  "x-download-options",
  "x-permitted-cross-domain-policies",
  "x-xss-protection",
]);

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
  const own = Object.entries(headers)
    .filter(([name]) => !["date", "connection", "content-length"].includes(name))
    .map(([name, value]) => [name, String(value)] as const);
  const ofPages = Object.fromEntries(own);
  const ofApi = Object.fromEntries(own.filter(([name]) => !FOR_PAGES.has(name)));
  return (request, reply, done) => {
    void reply.headers(request.url.startsWith("/api/") ? ofApi : ofPages);
    done();
  };
}
