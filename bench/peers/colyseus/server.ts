/** Seats in memory, shown as the state of a Colyseus room. Environment: PATCHES ("default" or "paced"), SHOWTIMES, PORT. */
import { type Client, matchMaker, Room, Server } from "@colyseus/core";
import { Encoder, type SchemaType, schema } from "@colyseus/schema";
import { uWebSocketsTransport } from "@colyseus/uwebsockets-transport";
import uWS from "uWebSockets.js";
import { CLIENT_OP } from "../../peer.ts";
import { announce } from "../front/announce.ts";
import { BoxOffice, type Customer } from "../front/box-office.ts";
import { paced } from "../front/conflation.ts";
import { MemoryStore } from "../front/memory-store.ts";

/** Only the seats that are held: whoever joins is sent the whole state, and that of all 20,000 seats would be 100 KB. */
const Hall = schema({ held: { map: "uint8" } });
type Hall = SchemaType<typeof Hall>;

/** Bytes for a state or a patch, from the start: it would else grow in the middle of a rush, with a warning each time. */
Encoder.BUFFER_SIZE = 512 * 1024;

const rooms = new Map<number, ShowtimeRoom>();
const isPaced = process.env["PATCHES"] === "paced";
const office = await BoxOffice.open({
  store: new MemoryStore(),
  show(showtime, seats, status) {
    const room = rooms.get(showtime);
    if (room === undefined) return;
    for (const seat of seats) {
      if (status === 1) room.state.held.set(String(seat), status);
      else room.state.held.delete(String(seat));
    }
    if (isPaced) room.changed();
  },
});
let customers = 0;

class ShowtimeRoom extends Room<Hall> {
  override state = new Hall();
  override autoDispose = false;
  readonly changed = paced(() => void this.broadcastPatch());

  override onCreate({ showtime }: { showtime: number }): void {
    rooms.set(showtime, this);
    if (isPaced) this.patchRate = 0;
    for (const op of [CLIENT_OP.hold, CLIENT_OP.release]) {
      this.onMessage(op, (client: Client, message: unknown) => void office.receive(this.#customerOf(client), message));
    }
  }

  #customerOf(client: Client): Customer {
    client.userData ??= {
      id: ++customers,
      answer: (message: readonly unknown[]) => client.send(message[0] as number, message),
    } satisfies Customer;
    return client.userData as Customer;
  }
}

/** It would listen on every address, and tell nobody its port. */
class LocalTransport extends uWebSocketsTransport {
  port = 0;

  override listen(port: number, _hostname?: string, _backlog?: number, listening?: () => void): this {
    this.app.listen("127.0.0.1", port, (token) => {
      this.port = uWS.us_socket_local_port(token);
      listening?.();
    });
    return this;
  }
}

const transport = new LocalTransport({ maxPayloadLength: 4 * 1024 });
const server = new Server({ transport, greet: false, gracefullyShutdown: false });
server.define("showtime", ShowtimeRoom).filterBy(["showtime"]);
await server.listen(Number(process.env["PORT"] ?? 0));
// Before anybody comes: of the first that come at once, some would wait half a second for the one who makes the room.
for (let showtime = 0; showtime < Number(process.env["SHOWTIMES"] ?? 1); showtime++) {
  await matchMaker.createRoom("showtime", { showtime });
}
announce(transport.port);
