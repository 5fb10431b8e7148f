import type { FastifyInstance } from "fastify";
import { explainListenError } from "../network/index.ts";

interface Place {
  /** Which the port is of, for whoever has to choose another. */
  readonly setting: string;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Connections that wait to be taken, where the system allows so many. */
  readonly backlog?: number;
}

/**
 * Somebody else may have taken the port since the process has looked at it.
 * @returns the port that it listens at
 * @throws ExplainedError naming the setting
 */
export async function listenAt(app: Pick<FastifyInstance, "listen" | "server">, place: Place): Promise<number> {
  const { setting, ...where } = place;
  try {
    await app.listen(where);
  } catch (error) {
    throw explainListenError(error, { setting, ...where }) ?? error;
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : place.port;
}
