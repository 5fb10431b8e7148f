/**
 * REST load by autocannon: closed (every connection sends its next request when the last one is answered). Latencies are recorded response by
 * response into our own histogram. Not open, since autocannon's rates would not be: each connection sends a whole second's requests one
 * behind another as fast as they are answered and then waits for the next second, and it corrects what it recorded as if one were due
 * every millisecond, whatever the rate.
 */
import autocannon from "autocannon";
import { BenchError, explain } from "../bench-error.ts";
import { Recorder, type Sample } from "./recorder.ts";

export interface HttpLoadOptions {
  readonly url: string;
  readonly connections: number;
  /** Connections take them in turn, beginning anew after the last. */
  readonly requests: readonly HttpRequest[];
  /** Each connection takes a share of the requests, no two the same one; else each takes all of them. */
  readonly dealt?: boolean;
  /** One a connection, where the server wants them. */
  readonly tokens?: readonly string[];
}

/** A body's `{seat}` is a seat of that connection's own, a path's `{hold}` the `holdId` that its last POST was answered with. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: string;
  /** The status of its answer: any other fails the load, since a server that refuses is done sooner. */
  readonly expects: 200 | 201 | 204;
}

type Client = autocannon.Client & { destroy(): void };

export class HttpLoad {
  readonly #recorder = new Recorder();
  #instance: autocannon.Instance | undefined;
  #options: HttpLoadOptions | undefined;
  #failure: Error | undefined;
  #bytes = 0;
  #ended: Promise<unknown> = Promise.resolve();
  /** Seats below are of runs before: they may still be held, since a run ends in the middle of a request. */
  #firstSeat = 0;

  open(options: HttpLoadOptions): void {
    this.#options = options;
  }

  begin(): void {
    const options = this.#options;
    if (options === undefined) throw new Error("the load was never opened");
    this.#recorder.mark();
    let index = 0;
    const clients: Client[] = [];
    const firstSeat = this.#firstSeat;
    this.#firstSeat += options.connections;
    const settings: autocannon.Options = {
      url: options.url,
      connections: options.connections,
      duration: 100_000,
      setupClient: (client) => {
        const refused = (why: string): void => void (this.#failure ??= new BenchError(why));
        client.setRequests(requestsOf(options, index, firstSeat + index++, refused));
        clients.push(client as Client); // Types leave out what it has.
      },
    };
    // With a callback, it gives the instance and not a promise.
    const instance = autocannon(settings, () => undefined);
    this.#instance = instance;
    instance.on("response", (_client, _status, bytes, ms) => {
      this.#bytes += bytes;
      this.#recorder.record(performance.now(), ms);
    });
    instance.on("reqError", (thrown: Error) => {
      const error = explain(thrown);
      this.#failure ??=
        error instanceof BenchError ? error : new BenchError(`A request of the load failed: ${thrown.message}.`);
      // A client connects again at once, and where the machine has nothing left for that, nothing else would ever have its turn.
      for (const client of clients) client.destroy();
    });
    this.#ended = new Promise((resolve) => void instance.on("done", resolve));
  }

  mark(): void {
    this.#bytes = 0;
    this.#recorder.mark();
  }

  take(): Sample {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#recorder.take({ bytes: this.#bytes });
  }

  async end(): Promise<void> {
    this.#instance?.stop();
    await this.#ended;
  }

  close(): void {
    this.#instance = undefined;
  }
}

function requestsOf(
  options: HttpLoadOptions,
  index: number,
  seat: number,
  refused: (why: string) => void,
): autocannon.Request[] {
  const token = options.tokens?.[index];
  const headers: Record<string, string> = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(options.requests.some(({ body }) => body !== undefined) && { "content-type": "application/json" }),
  };
  let hold = "";
  const isOurs = (at: number): boolean => options.dealt !== true || at % options.connections === index;
  return options.requests
    .filter((_, at) => isOurs(at))
    .map(({ method, path, body, expects }) => ({
      method,
      path,
      ...(body !== undefined && { body: body.replace("{seat}", String(seat)) }),
      headers: method === "DELETE" ? { ...(token !== undefined && { authorization: `Bearer ${token}` }) } : headers,
      ...(path.includes("{hold}") && {
        setupRequest: (request) => ({ ...request, path: path.replace("{hold}", hold) }),
      }),
      onResponse(status, answer) {
        if (status !== expects) refused(`${method} ${path} was answered with ${status} and not ${expects}: ${answer}`);
        if (method === "POST") hold = /"holdId":"([^"]+)"/.exec(answer)?.[1] ?? hold;
      },
    }));
}
