/**
 * REST load at a steady rate, whatever the server does: clients have one request in flight each, over as many connections that are kept alive. A
 * request that is due when all of them wait for an answer waits for one. Latency counts from when a request was meant to begin; one that has no
 * answer when the load is taken counts as long as it has been under way. By Node's own HTTP client and not autocannon, whose rates are no
 * open load (see `http-load.ts`), nor do its clients send at a time that others choose.
 */
import { Agent, request as send } from "node:http";
import { text } from "node:stream/consumers";
import { BenchError } from "../bench-error.ts";
import { bodyOf, failureOf, headersOf, holdIn, type HttpRequest, pathOf, whyWrong } from "./http-request.ts";
import { Recorder, type Sample } from "./recorder.ts";

export interface SteadyLoadOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly connections: number;
  readonly perSecond: number;
  /** Each client asks for one after another, beginning anew after the last. */
  readonly requests: readonly HttpRequest[];
  /** One a client, where the server wants them. */
  readonly tokens?: readonly string[];
}

interface Client {
  readonly token: string | undefined;
  readonly seat: number;
  /** Which request is its next one. */
  turn: number;
  hold: string;
}

const DRAIN_MS = 10_000;

export class SteadyLoad {
  readonly #recorder = new Recorder();
  #options: SteadyLoadOptions | undefined;
  #agent = new Agent();
  /** Clients that have nothing in flight, the one that has been idle longest first. */
  #free: Client[] = [];
  /** When those that no client was free for were meant to begin. */
  #late: number[] = [];
  /** Those in flight, and when each was meant to begin. */
  readonly #underWay = new Map<Promise<void>, number>();
  #timer: NodeJS.Timeout | undefined;
  #failure: BenchError | undefined;
  /** Seats below are of rounds before, in which they may have stayed held. */
  #firstSeat = 0;

  open(options: SteadyLoadOptions): void {
    this.#options = options;
  }

  begin(): void {
    if (this.#options === undefined) throw new Error("the load was never opened");
    const options = this.#options;
    const { connections, perSecond, requests, tokens } = options;
    const isChain = requests.some(({ path }) => path.includes("{hold}"));
    // In turn, so that none is idle until the server closes it just as it is used; and new ones each time, since between two rounds they are.
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
    this.#free = Array.from({ length: connections }, (_, index) => ({
      token: tokens?.[index],
      seat: this.#firstSeat + index,
      turn: isChain ? 0 : index, // All kinds of pages at any moment.
      hold: "",
    }));
    this.#firstSeat += connections;
    this.#late = [];
    const begun = performance.now();
    let due = 0;
    this.#recorder.mark();
    this.#timer = setInterval(() => {
      for (;;) {
        const meantAt = begun + (due * 1_000) / perSecond;
        if (meantAt > performance.now() || this.#failure !== undefined) return;
        due++;
        this.#late.push(meantAt);
        this.#sendDue(options);
      }
    }, 1);
  }

  mark(): void {
    this.#recorder.mark();
  }

  take(): Sample {
    if (this.#failure !== undefined) throw this.#failure;
    const now = performance.now();
    return this.#recorder.take(
      {},
      [...this.#underWay.values(), ...this.#late].map((meantAt) => now - meantAt),
    );
  }

  /** Once everything is answered. */
  async end(withinMs = DRAIN_MS): Promise<void> {
    clearInterval(this.#timer);
    let deadline: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      deadline = setTimeout(() => {
        this.#failure ??= new BenchError("The server left requests unanswered.");
        resolve();
      }, withinMs);
    });
    await Promise.race([this.#allAnswered(), tooLate]);
    clearTimeout(deadline);
    this.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  /** Those that come late are sent when a client is free, which is when another is answered. */
  async #allAnswered(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.keys());
  }

  #sendDue(options: SteadyLoadOptions): void {
    while (this.#failure === undefined && this.#free.length > 0 && this.#late.length > 0) {
      const [client, meantAt] = [this.#free.shift() as Client, this.#late.shift() as number]; // Neither is empty.
      const asked: Promise<void> = this.#ask(options, client, meantAt).then(() => {
        this.#underWay.delete(asked);
        this.#free.push(client);
        this.#sendDue(options);
      });
      this.#underWay.set(asked, meantAt);
    }
  }

  async #ask({ url, requests }: SteadyLoadOptions, client: Client, meantAt: number): Promise<void> {
    const request = requests[client.turn++ % requests.length];
    if (request === undefined) throw new Error("a load has requests");
    try {
      const { status, answer } = await answerOf(url, request, client, this.#agent);
      const now = performance.now();
      this.#recorder.record(now, now - meantAt);
      client.hold = holdIn(request, answer) ?? client.hold;
      const wrong = whyWrong(request, status, answer);
      if (wrong !== undefined) this.#failure ??= new BenchError(wrong);
    } catch (thrown) {
      this.#failure ??= failureOf(thrown);
    }
  }
}

/** @throws the socket's error, where there is no whole answer */
function answerOf(
  url: string,
  request: HttpRequest,
  { hold, seat, token }: Client,
  agent: Agent,
): Promise<{ status: number; answer: string }> {
  return new Promise((resolve, reject) => {
    send(url + pathOf(request, hold), { agent, method: request.method, headers: headersOf(request, token) })
      .once("response", (response) => {
        const status = response.statusCode ?? 0;
        text(response).then((answer) => resolve({ status, answer }), reject);
      })
      .once("error", reject)
      .end(bodyOf(request, seat));
  });
}
