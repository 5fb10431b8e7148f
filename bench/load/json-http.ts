/** JSON over HTTP, for what a generator asks besides its load, and for loads in which one answer leads to the next request. */
import { BenchError, explain } from "../bench-error.ts";

interface Asked {
  readonly token?: string | undefined;
  readonly body?: unknown;
}

const ANSWER_WITHIN_MS = 30_000;

/** @throws BenchError when the answer is a refusal, or there is none */
export async function ask<Answer>(method: "GET" | "POST", url: string, { token, body }: Asked = {}): Promise<Answer> {
  const answered = fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).then(async (response) => {
    if (response.ok) return (await response.json()) as Answer; // As openapi.json says.
    throw new BenchError(`${method} ${url} was answered with ${response.status}: ${await response.text()}`);
  });
  return answered.catch((cause: unknown) => {
    const why = explain(cause);
    throw why instanceof BenchError ? why : new BenchError(`${method} ${url} was not answered.`, { cause });
  });
}
