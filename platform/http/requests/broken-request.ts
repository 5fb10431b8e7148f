import type { ConnectionError } from "fastify";
import type { Socket } from "node:net";
import { STATUS_CODES } from "node:http";
import { PROBLEM_TYPE } from "../../../proto/rest/index.ts";
import type { RandomBytes } from "../../random/index.ts";
import { Problem } from "../answers/problem.ts";

/** Answers what is not even HTTP, or came too slowly, on the bare socket: there is no request to reply to. */
export function answerBrokenRequest(error: ConnectionError, socket: Socket, random: RandomBytes): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, detail } = KNOWN[error.code ?? ""] ?? { status: 400, detail: "This is not HTTP/1.1 as we know it." };
  const body = JSON.stringify({ ...new Problem("BAD_MESSAGE", detail).body(random(12).toString("base64url")), status });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const KNOWN: Readonly<Record<string, { status: number; detail: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: "The request did not arrive in time." },
  HPE_HEADER_OVERFLOW: { status: 431, detail: "The headers are too large." },
};
