import { once } from "node:events";
import { createServer } from "node:net";
import { ExplainedError } from "../../platform/explained/index.ts";

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "is taken: stop what listens there, or choose another port",
  EACCES: "may not be used by this user: choose one above 1023",
  EADDRNOTAVAIL: "cannot be had, since HOST is no address of this machine: correct HOST",
  ENOTFOUND: "cannot be had, since HOST does not resolve: correct HOST",
  EAI_AGAIN: "cannot be had, since no name server says just now where HOST is: correct HOST, or try again",
  EINVAL:
    "cannot be had, since HOST is an address of one link alone: correct HOST, or name the link, as in fe80::1%eth0",
  EAFNOSUPPORT: "cannot be had, since this machine has no addresses of the kind of HOST: correct HOST",
};

/**
 * Looks at a port before anything is started, so that nothing is left half done. Port 0 is always free, but not on every HOST.
 * @throws ExplainedError naming the setting
 */
export async function requireFreePort(setting: string, host: string, port: number): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, "listening");
  } catch (error) {
    const why = WHY[error instanceof Error && "code" in error ? String(error.code) : ""];
    if (why === undefined) throw error;
    throw new ExplainedError(`Port ${port} on ${host} (${setting}) ${why}.`);
  }
  probe.close();
  await once(probe, "close");
}
