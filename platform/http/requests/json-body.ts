import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest, preValidationAsyncHookHandler } from "fastify";
import { Problem } from "../answers/problem.ts";

/**
 * JSON as Fastify takes it, save for three things: no body at all is fine where a route needs none, though clients like to
 * announce one, of whatever kind (curl a form, `fetch` of an empty text a text); NUL characters are refused here, because PostgreSQL's text cannot hold them; and so is what is
 * not UTF-8, which would be read with other characters in the place of its own.
 */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("text/plain");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("*", (request, _payload, done) => {
    if (request.is404 || isEmpty(request)) return done(null, undefined);
    return done(new Problem("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json."));
  });
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new Problem("BAD_MESSAGE", "The body is not UTF-8, in which JSON travels."));
    const body = bytes.toString("utf8");
    if (body.includes("\\u0000") && ESCAPED_NUL.test(body))
      return done(new Problem("BAD_MESSAGE", "The body holds a NUL character."));
    // The parser answers through `done`; only its asynchronous kin give a promise.
    return void parse(request, body, done);
  });
}

/** For `preValidation`: no body at all is as good as an empty one. */
export const bodyOptional: preValidationAsyncHookHandler = async (request) => void (request.body ??= {});

/** Behind an even number of backslashes: one that is escaped itself begins no escape. */
const ESCAPED_NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/** RFC 9112, section 6.3: neither a length nor chunks is no body. */
const isEmpty = ({ headers }: FastifyRequest): boolean =>
  headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
