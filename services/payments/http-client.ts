import type { Clock } from "../../platform/clock/index.ts";

/** Characters of an answer that are read; no gateway of ours has so much to say. */
const ANSWER_LENGTH_MAX = 1_000_000;

interface Sending {
  readonly clock: Clock;
  /** For the whole exchange, the answer's body included. */
  readonly timeoutMs: number;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One HTTP exchange; redirects are not followed. @throws Error when there was no whole answer in time: the outcome is unknown */
export async function sendText(
  url: string,
  { clock, timeoutMs, method, headers, body }: Sending,
): Promise<{ readonly status: number; readonly text: string }> {
  const abort = new AbortController();
  const timer = clock.after(timeoutMs, () => abort.abort(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    const response = await fetch(url, {
      ...{ method, headers, redirect: "manual", signal: abort.signal },
      ...(body !== undefined && { body }),
    });
    return { status: response.status, text: await bounded(response) };
  } finally {
    timer.cancel();
  }
}

async function bounded(response: Response): Promise<string> {
  let text = "";
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > ANSWER_LENGTH_MAX) throw new Error("the answer does not end");
  }
  return text;
}
