import type { IncomingMessage } from "node:http";
import type { RandomBytes } from "../../platform/random/index.ts";

const SANE = /^[A-Za-z0-9._:-]{1,64}$/;

/** A caller's own id is taken when it cannot garble a log line; else 96 random bits. */
export function requestIdOf(request: IncomingMessage, random: RandomBytes): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && SANE.test(given) ? given : random(12).toString("base64url");
}
