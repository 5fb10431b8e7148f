import type { AddressInfo } from "node:net";

/** The port of a server that listens on TCP. @throws when it does not */
export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on TCP");
  return address.port;
}
