/**
 * A file that remembers, outside PostgreSQL, how far the journal had got: a database that comes back with less has lost sales that
 * buyers were told of (an asynchronous standby, an old backup, a disk that lied), and the engine refuses to sell on top of that.
 * It is written every second at the most and may lag, so it never claims more than was acknowledged.
 */
import { access, constants, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeDirectory } from "../../platform/directory/index.ts";
import { hasCode } from "../../platform/error-code/index.ts";
import type { Acknowledged } from "./journal.ts";
import { UnsafeJournal } from "./server-safety.ts";

export interface Witness {
  /**
   * The newest row that was acknowledged, for each shard that is known.
   * @throws UnsafeJournal when there is a witness that cannot be read, or none could be written
   */
  read(): Promise<ReadonlyMap<number, Acknowledged>>;
  write(acknowledged: ReadonlyMap<number, Acknowledged>): Promise<void>;
}

interface Content {
  readonly journal: string;
  /** Without the epoch where it is not known, as an older Usher wrote all. */
  readonly rows: readonly (readonly [shard: number, seq: number, epoch?: number])[];
}

export class FileWitness implements Witness {
  readonly #path: string;
  readonly #journal: string;

  /** `journal` is the id from `checkShardCount`: a witness of another journal says nothing of this one. */
  constructor(path: string, journal: string) {
    this.#path = path;
    this.#journal = journal;
  }

  async read(): Promise<ReadonlyMap<number, Acknowledged>> {
    await this.#makeFolder();
    let content: Content;
    try {
      content = JSON.parse(await readFile(this.#path, "utf8")) as Content; // Written below.
    } catch (error) {
      // None yet, or torn by a crash of the machine: a witness that is missing claims nothing.
      if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return new Map();
      throw new UnsafeJournal(
        `${this.#path} says which sales were acknowledged, and cannot be read: let this user read it, or delete it if the database is known to be whole.`,
        { cause: error },
      );
    }
    return new Map(
      content.journal === this.#journal ? content.rows.map(([shard, seq, epoch]) => [shard, { seq, epoch }]) : [],
    );
  }

  async write(acknowledged: ReadonlyMap<number, Acknowledged>): Promise<void> {
    const rows = Array.from(acknowledged, ([shard, { seq, epoch }]): Content["rows"][number] =>
      epoch === undefined ? [shard, seq] : [shard, seq, epoch],
    );
    const content: Content = { journal: this.#journal, rows };
    await writeFile(`${this.#path}.new`, JSON.stringify(content));
    await rename(`${this.#path}.new`, this.#path);
  }

  async #makeFolder(): Promise<void> {
    const folder = dirname(this.#path);
    try {
      makeDirectory(folder, 0o700);
      await access(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new UnsafeJournal(
        `${this.#path} is to remember which sales were acknowledged, and cannot be written: let this user write to ${folder}, or set DATA_DIR to another directory.`,
        { cause: error },
      );
    }
  }
}
