import { once } from "node:events";
import { createServer } from "node:net";
import { explainListenError } from "../../../platform/network/index.ts";

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
    throw explainListenError(error, { setting, host, port }) ?? error;
  }
  probe.close();
  await once(probe, "close");
}
