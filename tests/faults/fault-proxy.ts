/** A way between two processes that a test can break: by silence, as a lost network does, or by cutting it. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { portOf } from "../../platform/testing/port-of.ts";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class FaultProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  /** By connections that have ended. */
  #passedBefore = 0;
  #state: "open" | "silent" | "cut" = "open";

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  static async to(host: string, port: number): Promise<FaultProxy> {
    const proxy = new FaultProxy({ host, port });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** Ports of the connections that go through it, as the other side sees them. */
  get clientPorts(): readonly (number | undefined)[] {
    return Array.from(this.#pairs, ({ far }) => far.localPort);
  }

  /** Bytes that have gone through, both ways. */
  get passed(): number {
    return [...this.#pairs].reduce((sum, pair) => sum + passedBy(pair), this.#passedBefore);
  }

  /** Nothing passes any more, and nobody is told. What was sent meanwhile arrives when the way is open again. */
  silence(): void {
    this.#state = "silent";
    for (const { near, far } of this.#pairs) {
      near.unpipe();
      far.unpipe();
    }
  }

  /** Every connection is reset, and new ones are too. */
  cut(): void {
    this.#state = "cut";
    for (const pair of this.#pairs) this.#end(pair);
  }

  open(): void {
    const wasSilent = this.#state === "silent";
    this.#state = "open";
    for (const { near, far } of wasSilent ? this.#pairs : []) {
      near.pipe(far);
      far.pipe(near);
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(near: Socket): void {
    if (this.#state === "cut") {
      near.on("error", () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      if (this.#state === "open") from.pipe(to);
      from.on("error", () => this.#end(pair));
      from.on("close", () => this.#end(pair));
    }
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    this.#passedBefore += passedBy(pair);
    pair.near.destroy();
    pair.far.destroy();
  }
}

const passedBy = ({ near, far }: Pair): number => near.bytesWritten + far.bytesWritten;
