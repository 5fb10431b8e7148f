import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { makeDirectory } from "../../directory/index.ts";
import { DatabaseUnusable } from "../errors.ts";

/** The layout of DATA_DIR that this version writes and reads. */
const FORMAT = 1;

/** DATA_DIR, ours alone until `release`. */
export interface DataDirectory {
  readonly path: string;
  release(): Promise<void>;
}

/**
 * Makes the directory when missing and claims it for this process.
 * @throws DatabaseUnusable when it cannot be written, belongs to a live Usher, or holds data of a newer version
 */
export async function claimDataDirectory(path: string): Promise<DataDirectory> {
  try {
    // Others may pass, so that PostgreSQL can run as another user; what is secret below has a mode of its own.
    if (makeDirectory(path)) chmodSync(path, 0o711);
    const lock = await listenAlone(path);
    try {
      writeFileSync(join(path, "usher.pid"), `${process.pid}\n`);
      checkFormat(path);
    } catch (error) {
      await close(lock);
      throw error;
    }
    return {
      path,
      release: async () => {
        rmSync(join(path, "usher.pid"), { force: true });
        await close(lock);
      },
    };
  } catch (error) {
    if (error instanceof DatabaseUnusable || !(error instanceof Error)) throw error;
    throw new DatabaseUnusable(
      `The data directory ${path} cannot be used: free or correct it, or set DATA_DIR to another (${error.message}).`,
      { cause: error },
    );
  }
}

function checkFormat(path: string): void {
  const file = join(path, "VERSION");
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (text === String(FORMAT)) return;
  if (text === "") return writeDurably(file, `${FORMAT}\n`); // Or it was made, and the process ended before it was written.
  const whose =
    /^\d+$/.test(text) && Number(text) > FORMAT ? "was written by a newer version of Usher" : "is not Usher's";
  throw new DatabaseUnusable(
    `The data directory ${path} ${whose} (format ${JSON.stringify(text.slice(0, 20))}, this one knows ${FORMAT}): ` +
      "run the version that wrote it, or set DATA_DIR to another directory.",
  );
}

/**
 * The lock is a listening socket whose name is the directory's identity: the kernel closes it with the process, however
 * that ends, so that it never has to be guessed whether a lock is stale or its pid used by another process.
 */
async function listenAlone(path: string): Promise<Server> {
  const { dev, ino } = statSync(path);
  const name = `usher-data-${dev}-${ino}`;
  if (process.platform === "linux") return listen(`\0${name}`, path);
  const socket = join("/tmp", `${name}.sock`);
  if (!(await answers(socket))) rmSync(socket, { force: true });
  return listen(socket, path);
}

function listen(address: string, path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? inUse(path) : error);
    });
    server.listen({ path: address, exclusive: true }, () => resolve(server));
  });
}

function inUse(path: string): DatabaseUnusable {
  const file = join(path, "usher.pid");
  const pid = existsSync(file) ? readFileSync(file, "utf8").trim() : "unknown";
  return new DatabaseUnusable(
    `Another Usher (process ${pid}) uses the data directory ${path}: stop it, or set DATA_DIR to another directory.`,
  );
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/** A file that is on disk, whole, when this returns. */
export function writeDurably(file: string, text: string, mode = 0o644): void {
  const descriptor = openSync(file, "w", mode);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
