import type { FastifyInstance } from "fastify";

interface Place {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Connections that wait to be taken, where the system allows so many. */
  readonly backlog?: number;
}

/** @returns the port that it listens at */
export async function listenAt(app: Pick<FastifyInstance, "listen" | "server">, place: Place): Promise<number> {
  await app.listen(place);
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : place.port;
}
