import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";

/**
 * Ends what is being read for a client that has hung up. Of several answers on one connection Node tells the one that is being written alone; those
 * behind it, which the client asked for without waiting, hear nothing, and would keep their files open for good.
 */
export function endOnHangUp(app: FastifyInstance): void {
  const reading = new WeakMap<Socket, Set<Readable>>();
  app.addHook("onSend", (request, _reply, payload, done) => {
    if (payload instanceof Readable) follow(request.raw.socket, payload);
    done();
  });

  function follow(socket: Socket, stream: Readable): void {
    if (socket.destroyed) return void stream.destroy();
    const known = reading.get(socket);
    const streams = known ?? new Set();
    if (known === undefined) {
      reading.set(socket, streams);
      socket.once("close", () => {
        for (const each of streams) each.destroy();
      });
    }
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
  }
}
