import type { FastifyInstance } from "fastify";
import { Problem } from "./problem.ts";

/**
 * JSON as Fastify takes it, save for two things: no body at all is fine where a route needs none, though clients like to
 * announce one, of whatever kind; and NUL characters are refused here, because PostgreSQL's text cannot hold them.
 */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("text/plain");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") return done(null, undefined); // As curl says of an empty body.
    return done(new Problem("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json."));
  });
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, undefined);
    if (body.includes("\\u0000")) return done(new Problem("BAD_MESSAGE", "The body holds a NUL character."));
    // The parser answers through `done`; only its asynchronous kin give a promise.
    return void parse(request, body, done);
  });
}
