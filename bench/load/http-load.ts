/**
 * REST load by autocannon: closed (every connection sends its next request when the last one is answered). Latencies are recorded response by
 * response into our own histogram. Not open, since autocannon's rates would not be: each connection sends a whole second's requests one
 * behind another as fast as they are answered and then waits for the next second, and it corrects what it recorded as if one were due
 * every millisecond, whatever the rate.
 */
import autocannon from "autocannon";
import { BenchError } from "../bench-error.ts";
import { bodyOf, failureOf, headersOf, holdIn, type HttpRequest, pathOf, whyWrong } from "./http-request.ts";
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

/** Types leave out what it has. */
type Client = autocannon.Client & { destroy(): void; on(event: "request", told: () => void): void };

export class HttpLoad {
  readonly #recorder = new Recorder();
  #instance: autocannon.Instance | undefined;
  #options: HttpLoadOptions | undefined;
  #failure: Error | undefined;
  #bytes = 0;
  /** Requests that have no answer yet. */
  #waiting = 0;
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
    this.#waiting = 0;
    const firstSeat = this.#firstSeat;
    this.#firstSeat += options.connections;
    const settings: autocannon.Options = {
      url: options.url,
      connections: options.connections,
      duration: 100_000,
      setupClient: (client) => {
        const refused = (why: string): void => void (this.#failure ??= new BenchError(why));
        client.setRequests(requestsOf(options, index, firstSeat + index++, refused));
        const whole = client as Client;
        whole.on("request", () => void this.#waiting++);
        clients.push(whole);
      },
    };
    // With a callback, it gives the instance and not a promise.
    const instance = autocannon(settings, () => undefined);
    this.#instance = instance;
    instance.on("response", (_client, _status, bytes, ms) => {
      this.#bytes += bytes;
      this.#waiting--;
      this.#recorder.record(performance.now(), ms);
    });
    instance.on("reqError", (thrown: Error) => {
      this.#failure ??= failureOf(thrown);
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
    // It tells nobody of a connection that ended, but opens another, and sends again on that one.
    if (this.#waiting > (this.#options?.connections ?? 0))
      throw new BenchError("The server ended connections that had no answer yet.");
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
  let hold = "";
  const isOurs = (at: number): boolean => options.dealt !== true || at % options.connections === index;
  return options.requests
    .filter((_, at) => isOurs(at))
    .map((one) => {
      const body = bodyOf(one, seat);
      return {
        method: one.method,
        path: one.path,
        ...(body !== undefined && { body }),
        headers: headersOf(one, token),
        ...(one.path.includes("{hold}") && { setupRequest: (request) => ({ ...request, path: pathOf(one, hold) }) }),
        onResponse(status, answer) {
          const wrong = whyWrong(one, status, answer);
          if (wrong !== undefined) refused(wrong);
          hold = holdIn(one, answer) ?? hold;
        },
      } satisfies autocannon.Request;
    });
}
