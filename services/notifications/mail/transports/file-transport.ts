import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Mail, MailTransport } from "./mail-transport.ts";
import { messageOf } from "./message.ts";

/** Writes each mail into a file of its own, as mail programs open them; there as a whole or not at all, and once however often it is sent. */
export class FileTransport implements MailTransport {
  readonly #folder: string;
  readonly #from: string;
  readonly #composer = createTransport({ streamTransport: true, buffer: true, newline: "windows" });

  constructor({ folder, from }: { folder: string; from: string }) {
    this.#folder = folder;
    this.#from = from;
  }

  async send(mail: Mail): Promise<void> {
    const { message } = await this.#composer.sendMail(messageOf(mail, this.#from));
    if (!Buffer.isBuffer(message)) throw new TypeError("the mail was not put together in memory");
    const path = join(this.#folder, `${stampOf(mail.date)}-${mail.id}.eml`);
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

  async prune(before: Date): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (NAME.test(name) && name < stampOf(before)) await rm(join(this.#folder, name), { force: true });
    }
  }
}

const NAME = /^\d{8}T\d{9}Z-.*\.eml(\.half)?$/;

/** Names go by their mails' dates. */
const stampOf = (date: Date): string => date.toISOString().replaceAll(/[-:.]/g, "");
