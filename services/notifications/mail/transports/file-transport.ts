import { createTransport } from "nodemailer";
import type { MailFolder } from "./mail-folder.ts";
import type { Mail, MailTransport } from "./mail-transport.ts";
import { messageOf } from "./message.ts";

/** Writes each mail into a file of its own, as mail programs open them. */
export class FileTransport implements MailTransport {
  readonly #folder: MailFolder;
  readonly #from: string;
  readonly #composer = createTransport({ streamTransport: true, buffer: true, newline: "windows" });

  constructor({ folder, from }: { folder: MailFolder; from: string }) {
    this.#folder = folder;
    this.#from = from;
  }

  async send(mail: Mail): Promise<void> {
    const { message } = await this.#composer.sendMail(messageOf(mail, this.#from));
    if (!Buffer.isBuffer(message)) throw new TypeError("the mail was not put together in memory");
    await this.#folder.write(mail, message);
  }
}
