import { Packr } from "msgpackr";
import uWS, { type WebSocket } from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { announce } from "./announce.ts";
import { BoxOffice, type Customer, isShowtime } from "./box-office.ts";
import { conflated } from "./conflation.ts";
import type { SeatStore } from "./seat-store.ts";

/** As Usher's edge has them. */
const BACKLOG_BYTES_MAX = 64 * 1024;
const IDLE_TIMEOUT_SECONDS = 40;
const PAYLOAD_BYTES_MAX = 4 * 1024;

interface Session {
  customer?: Customer;
}

/** The edge that peers with a store of their own are reached through: uWebSockets.js and frames conflated as Usher's are. */
export async function serveWebSockets(store: SeatStore): Promise<void> {
  const packr = new Packr({ useRecords: false });
  const app = uWS.App();
  let customers = 0;
  const office = await BoxOffice.open({
    store,
    show: conflated((showtime, changes) => {
      const topic = String(showtime);
      if (app.numSubscribers(topic) > 0) app.publish(topic, packr.pack([SERVER_OP.delta, showtime, changes]), true);
    }),
  });
  app.ws<Session>("/v1", {
    compression: uWS.DISABLED,
    maxPayloadLength: PAYLOAD_BYTES_MAX,
    maxBackpressure: BACKLOG_BYTES_MAX,
    closeOnBackpressureLimit: 1,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    message(socket, data) {
      const message: unknown = packr.unpack(new Uint8Array(data)); // Copies what it keeps: `data` is gone after this call.
      const [op, showtime] = Array.isArray(message) ? (message as unknown[]) : [];
      if (op === CLIENT_OP.watch && isShowtime(showtime)) socket.subscribe(String(showtime));
      else
        void office.receive(
          (socket.getUserData().customer ??= new WebSocketCustomer(++customers, socket, packr)),
          message,
        );
    },
    close(socket) {
      const { customer } = socket.getUserData();
      if (customer instanceof WebSocketCustomer) customer.isGone = true;
    },
  });
  app.listen("127.0.0.1", Number(process.env["PORT"] ?? 0), (token) => announce(uWS.us_socket_local_port(token)));
}

class WebSocketCustomer implements Customer {
  readonly id: number;
  /** uWebSockets.js throws when a closed socket is used. */
  isGone = false;
  readonly #socket: WebSocket<Session>;
  readonly #packr: Packr;

  constructor(id: number, socket: WebSocket<Session>, packr: Packr) {
    this.id = id;
    this.#socket = socket;
    this.#packr = packr;
  }

  answer(message: readonly unknown[]): void {
    if (!this.isGone) this.#socket.send(this.#packr.pack(message), true);
  }
}
