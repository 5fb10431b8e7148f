import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../../../platform/error-code/index.ts";
import { FILES_LOOKED_UP_AT_ONCE } from "../limits.ts";

/** What a file's name tells of its mail. */
interface Named {
  readonly id: string;
  readonly date: Date;
}

/** Mails as files. Where mails go to a server by now it may have some of a time before. */
export class MailFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** There as a whole or not at all, and once however often it is written. */
  async write(mail: Named, message: Uint8Array): Promise<void> {
    const path = this.#pathOf(mail);
    const half = `${path}.half`;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = await open(half, "w", 0o600);
    try {
      await file.writeFile(message);
      await file.sync();
      await file.close();
      await rename(half, path);
    } catch (error) {
      await file.close().catch(() => {});
      await rm(half, { force: true });
      throw error;
    }
  }

  /** Those of them that are here. */
  async delete(mails: readonly Named[]): Promise<void> {
    for (const mail of mails) await rm(this.#pathOf(mail), { force: true });
  }

  /**
   * Deletes what is from before then, and what is of no mail any more: a user's mails may be forgotten by a process that has another folder,
   * or while one of them is being written.
   * @param known gives those that there still are; asked after the folder was read, so that it has heard of whatever is in there
   */
  async prune(before: Date, known: (ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void> {
    const files = (await this.#names()).flatMap((name) => {
      const id = NAME.exec(name)?.[1];
      return id === undefined ? [] : [{ name, id }];
    });
    for (let at = 0; at < files.length; at += FILES_LOOKED_UP_AT_ONCE) {
      const some = files.slice(at, at + FILES_LOOKED_UP_AT_ONCE);
      const kept = await known(some.map(({ id }) => id));
      for (const { name, id } of some)
        if (name < stampOf(before) || !kept.has(id)) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    }
  }

  #pathOf({ date, id }: Named): string {
    return join(this.#folder, `${stampOf(date)}-${id}.eml`);
  }
}

const NAME = /^\d{8}T\d{9}Z-(.*)\.eml(?:\.half)?$/;

/** Names go by their mails' dates. */
const stampOf = (date: Date): string => date.toISOString().replaceAll(/[-:.]/g, "");
