import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import type { Clock } from "../../../platform/clock/index.ts";
import { messageOf } from "../../../platform/explained/index.ts";
import { storableText } from "../../../platform/postgres/index.ts";
import type { AddressGuard } from "./address-guard.ts";
import { ATTEMPT_TIMEOUT_MS, RESPONSE_BYTES_MAX, RESPONSE_EXCERPT_MAX } from "./limits.ts";

/** What came of an attempt: an answer, whatever it says, or none. */
export type Outcome =
  | { readonly type: "answered"; readonly statusCode: number; readonly response: string }
  | { readonly type: "unanswered"; readonly error: string };

interface Options {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly guard: AddressGuard;
  readonly clock: Clock;
}

/**
 * Posts once, over a connection of its own, and never throws. Redirects are not followed. Once the status has arrived it stands:
 * an answer whose body is endless, slow, broken off or shorter than announced is read as far as it goes.
 */
export async function send({ url, headers, body, guard, clock }: Options): Promise<Outcome> {
  const abort = new AbortController();
  const timer = clock.after(ATTEMPT_TIMEOUT_MS, () => abort.abort());
  try {
    const target = new URL(url);
    const addresses = await unlessAborted(guard.addressesOf(target), abort.signal);
    // Node asks for the addresses in one of two ways, and not at all when the host is an address.
    const lookup: LookupFunction = (_host, options, callback) => {
      const [first = { address: "", family: 0 }] = addresses;
      if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    const response = await answerTo(target, { headers, body, lookup, signal: abort.signal });
    const statusCode = response.statusCode ?? 0;
    return { type: "answered", statusCode, response: await beginningOf(response) };
  } catch (error) {
    const late = `No answer within ${ATTEMPT_TIMEOUT_MS / 1_000} s.`;
    return { type: "unanswered", error: abort.signal.aborted ? late : excerptOf(messageOf(error)) };
  } finally {
    timer.cancel();
    abort.abort();
  }
}

interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly lookup: LookupFunction;
  readonly signal: AbortSignal;
}

function answerTo(url: URL, { headers, body, lookup, signal }: Post): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const length = String(Buffer.byteLength(body));
    request(url, { method: "POST", agent: false, headers: { ...headers, "content-length": length }, lookup, signal })
      .on("response", resolve)
      .on("error", reject)
      // A connection that ends without an answer or an error, as after an upgrade that nobody asked for.
      .on("close", () => reject(new Error("The connection ended without an answer.")))
      .end(body);
  });
}

/** Ends with the body, at the bound, or with whatever goes wrong. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= RESPONSE_BYTES_MAX) break;
    }
  } catch {
    // The status is what counts.
  }
  return excerptOf(Buffer.concat(chunks).toString());
}

/** For the log of deliveries. */
const excerptOf = (text: string): string => storableText(text, RESPONSE_EXCERPT_MAX);

function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
    work.then(resolve, reject);
  });
}
