import { createServer, request, type Server } from "node:http";
import { portOf } from "../../../platform/testing/port-of.ts";

/** What becomes of a request on its way: undefined lets it pass. */
export interface Mishap {
  /** Before: the gateway never hears of it. After: it has done what was asked, and its answer is lost. */
  readonly when: "before" | "after";
  /** Called at that moment; the asker's connection is left hanging until the end. */
  happen(): Promise<void> | void;
}

/** Stands between the service and a gateway, where a test may step in. */
export class Crossing {
  readonly #target: () => string;
  readonly #server: Server;
  #mishapOf: (method: string, path: string) => Mishap | undefined = () => undefined;
  #port = 0;

  constructor(target: () => string) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => {
      const { method = "GET", url: path = "/" } = incoming;
      const mishap = this.#mishapOf(method, path);
      if (mishap?.when === "before") return void mishap.happen();
      const passed = request(new URL(path, this.#target()), { method, headers: incoming.headers }, (answer) => {
        if (mishap === undefined) {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        } else {
          answer.resume().on("end", () => void mishap.happen());
        }
      });
      passed.on("error", () => incoming.socket.destroy());
      incoming.pipe(passed);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The first request that it is of. */
  once(of: (method: string, path: string) => boolean, mishap: Mishap): void {
    this.#mishapOf = (method, path) => {
      if (!of(method, path)) return undefined;
      this.#mishapOf = () => undefined;
      return mishap;
    };
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#port = portOf(this.#server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
