import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { Problem } from "../answers/problem.ts";

/**
 * JSON as Fastify takes it, save for three things: no body at all is fine where a route needs none, though clients like to
 * announce one, of whatever kind; NUL characters are refused here, because PostgreSQL's text cannot hold them; and so is what is
 * not UTF-8, which would be read with other characters in the place of its own.
 */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("text/plain");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") return done(null, undefined); // As curl says of an empty body.
    return done(new Problem("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json."));
  });
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new Problem("BAD_MESSAGE", "The body is not UTF-8, in which JSON travels."));
    const body = bytes.toString("utf8");
    if (body.includes("\\u0000")) return done(new Problem("BAD_MESSAGE", "The body holds a NUL character."));
    // The parser answers through `done`; only its asynchronous kin give a promise.
    return void parse(request, body, done);
  });
}
