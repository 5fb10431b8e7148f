import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { hasCode } from "../error-code/index.ts";

/**
 * Below the ports that the system gives to outgoing connections (32768 and up on Linux): a process that is started again finds its port
 * as free as it left it.
 */
const FIRST = 16_000;
const LAST = 32_000;

/** Ports that were free a moment ago, all of them different, and none of those that are `spokenFor` though nobody listens there yet. */
export async function freePorts(count: number, spokenFor: readonly number[] = []): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FIRST, LAST);
    if (!ports.has(port) && !spokenFor.includes(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

/** Whether nobody listens at the port of 127.0.0.1. @throws what Node says where one cannot listen there at all */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) return false;
    throw error;
  }
  await once(server.close(), "close");
  return true;
}
