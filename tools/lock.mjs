import { rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 100;

/**
 * Runs `work` while no other process on this machine works at the same directory. The lock is a listening socket named
 * after it, which the kernel closes with the process: there is no stale lock to clean up.
 */
export async function withLock(directory, work) {
  const { dev, ino } = statSync(directory);
  const name = `usher-prepare-${dev}-${ino}`;
  const address = process.platform === "linux" ? `\0${name}` : `/tmp/${name}.sock`;
  let server = await listen(address);
  for (; server === undefined; server = await listen(address)) {
    if (process.platform !== "linux" && !(await answers(address))) rmSync(address, { force: true });
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path: address, exclusive: true }, () => resolve(server));
  });
}

function answers(address) {
  return new Promise((resolve) => {
    const probe = connect(address, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
