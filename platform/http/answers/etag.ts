import { hash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/** A strong entity tag of these bytes. */
export const etagOf = (content: string | Uint8Array): string =>
  `"${hash("sha256", content, "base64url").slice(0, 27)}"`;

/**
 * Sets the tag, and says whether the client has this version already (RFC 9110, 13.1.2): answer 304 with no body then.
 * @example if (isFresh(request, reply, etag)) return reply.code(304).send();
 */
export function isFresh(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  void reply.header("etag", etag);
  const known = request.headers["if-none-match"];
  return known !== undefined && namesTag(known, etag);
}

/**
 * Whether an `If-Match` or `If-None-Match` names the tag (RFC 9110, 13.1). Proxies that compress make a strong tag weak, so that is
 * passed over.
 */
export const namesTag = (header: string, etag: string): boolean =>
  header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
