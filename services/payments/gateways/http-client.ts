import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../../platform/clock/index.ts";
import { ANSWER_LENGTH_MAX } from "../limits.ts";

interface Sending {
  readonly clock: Clock;
  /** For the whole exchange, the answer's body included. */
  readonly timeoutMs: number;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * One HTTP exchange; redirects are not followed. Over Node's own client, with its connections that stay open: `fetch` takes several times as
 * much of the CPU. @throws Error when there was no whole answer in time: the outcome is unknown
 */
export function sendText(url: string, { clock, timeoutMs, method, headers, body }: Sending): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    const send = url.startsWith("https:") ? httpsRequest : httpRequest;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = send(url, { method, headers: { ...headers, ...length } });
    const timer = clock.after(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    const fail = (error: Error): void => {
      timer.cancel();
      reject(error);
    };
    // Also of one that ends without an answer or an error, as after an upgrade that nobody asked for.
    const end = (): void => fail(new Error("the connection ended without an answer"));
    request.once("close", end);
    request.once("error", fail);
    request.once("response", (response) => {
      request.off("close", end);
      read(request, response).then((text) => {
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, text });
      }, fail);
    });
    request.end(body);
  });
}

async function read(request: ClientRequest, response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response as AsyncIterable<string>) {
    text += part;
    if (text.length > ANSWER_LENGTH_MAX) {
      request.destroy();
      throw new Error("the answer does not end");
    }
  }
  return text;
}
