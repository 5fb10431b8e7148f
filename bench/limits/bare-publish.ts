/**
 * The limit that viewers are measured against: uWebSockets.js, a `publish` of one frame to all of them as often as Usher's edge would, and
 * nothing else. (At a fixed rate it is no limit where there are many viewers: a loop that asks for more than the machine does is late by
 * itself.) No rules, nothing durable, no replica, no checksum. It speaks the benches' own protocol (`bench/peer.ts`).
 */
import { Packr } from "msgpackr";
import uWS from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../peer.ts";
import { announce } from "../peers/front/announce.ts";
import { paced } from "../peers/front/conflation.ts";

const packr = new Packr({ useRecords: false });
const app = uWS.App();
const seatsOf = new Map<number, readonly number[]>();
const changed = new Map<number, number>();
let holds = 0;

const isChanged = paced(() => {
  const changes = [...changed].map(([seat, status]) => seat * 4 + status);
  changed.clear();
  app.publish("0", packr.pack([SERVER_OP.delta, 0, changes]), true);
});

function change(seats: readonly number[], status: number): void {
  for (const seat of seats) changed.set(seat, status);
  isChanged();
}

app
  .ws<Record<string, never>>("/v1", {
    message(socket, message) {
      // From our own generator.
      const [op, number, , what] = packr.unpack(Buffer.from(message.slice(0))) as [number, number, number, never];
      if (op === CLIENT_OP.watch) socket.subscribe("0");
      else if (op === CLIENT_OP.hold) {
        const hold = holds++;
        seatsOf.set(hold, what);
        change(what, 1);
        socket.send(packr.pack([SERVER_OP.held, number, hold]), true);
      } else {
        change(seatsOf.get(what) ?? [], 0);
        seatsOf.delete(what);
        socket.send(packr.pack([SERVER_OP.released, number]), true);
      }
    },
  })
  .listen("127.0.0.1", 0, (token) => announce(uWS.us_socket_local_port(token)));
