import { once } from "node:events";
import { createServer } from "node:net";
import { ExplainedError } from "../../platform/explained/index.ts";

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "is taken: stop what listens there, or choose another port",
  EACCES: "may not be used by this user: choose one above 1023",
  EADDRNOTAVAIL: "cannot be had, since HOST is no address of this machine: correct HOST",
  ENOTFOUND: "cannot be had, since HOST does not resolve: correct HOST",
};

/**
 * Looks at a port before anything is started, so that nothing is left half done. Port 0 is always free.
 * @throws ExplainedError naming the setting
 */
export async function requireFreePort(setting: string, host: string, port: number): Promise<void> {
  if (port === 0) return;
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
