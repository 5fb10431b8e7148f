import { Packr } from "msgpackr";
import uWS from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { type Answered, TurnBuffer } from "../../turn-buffer.ts";
import { announce } from "./announce.ts";
import { BoxOffice, type Customer, isShowtime } from "./box-office.ts";
import { conflated } from "./conflation.ts";
import type { SeatStore } from "./seat-store.ts";

/** As Usher's edge has them. */
const BACKLOG_BYTES_MAX = 64 * 1024;
const IDLE_TIMEOUT_SECONDS = 40;
const PAYLOAD_BYTES_MAX = 4 * 1024;

interface Session extends Answered {
  customer?: Customer;
}

/**
 * The edge that peers with a store of their own are reached through: uWebSockets.js, frames conflated as Usher's are, and the answers of one
 * loop turn to one connection in one write, as Usher has them.
 */
export async function serveWebSockets(store: SeatStore): Promise<void> {
  const packr = new Packr({ useRecords: false });
  const app = uWS.App();
  const buffer = new TurnBuffer<Session>();
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
      else {
        const session = socket.getUserData();
        session.customer ??= {
          id: ++customers,
          answer(answer) {
            if (!session.isGone && buffer.add(socket, session, packr.pack(answer))) setImmediate(buffer.flush);
          },
        };
        void office.receive(session.customer, message);
      }
    },
    close(socket) {
      socket.getUserData().isGone = true;
    },
  });
  app.listen("127.0.0.1", Number(process.env["PORT"] ?? 0), (token) => announce(uWS.us_socket_local_port(token)));
}
