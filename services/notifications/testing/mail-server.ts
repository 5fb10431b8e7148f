import { once } from "node:events";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";
import { portOf } from "../../../platform/testing/port-of.ts";
import { type ReadMail, readMail } from "./mime.ts";

/** An answer of the server's other than yes: its code and its words. */
export const smtpError = (responseCode: number, message: string): Error =>
  Object.assign(new Error(message), { responseCode });

export const fail = (error: Error): never => {
  throw error;
};

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly mail: ReadMail;
}

/** A real SMTP server, on a port of its own, that behaves as the test wants. */
export class MailServer {
  readonly received: Received[] = [];
  /** Times that a client came. */
  connections = 0;
  /** May throw what the server answers at that point. */
  onRecipient: (address: string) => void = () => {};
  onData: () => Promise<void> | void = () => {};
  #server: SMTPServer | undefined;
  #port = 0;

  get port(): number {
    return this.#port;
  }

  async start(options: SMTPServerOptions = {}, host = "127.0.0.1"): Promise<void> {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      closeTimeout: 100,
      logger: false,
      onConnect: (_session, callback) => {
        this.connections++;
        callback();
      },
      onRcptTo: ({ address }, _session, callback) => {
        try {
          this.onRecipient(address);
          callback();
        } catch (error) {
          callback(error as Error); // The tests throw those alone.
        }
      },
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => void this.#take(Buffer.concat(chunks), session, callback));
      },
      ...options,
    });
    this.#server.on("error", () => {}); // Clients that hang up are part of the tests.
    this.#server.listen(this.#port, host);
    await once(this.#server.server, "listening");
    this.#port = portOf(this.#server.server);
  }

  async #take(bytes: Buffer, session: SMTPServerSession, callback: (error?: Error) => void): Promise<void> {
    try {
      await this.onData();
      const { mailFrom, rcptTo } = session.envelope;
      this.received.push({
        from: mailFrom === false ? "" : mailFrom.address,
        to: rcptTo.map(({ address }) => address),
        secure: session.secure,
        user: session.user as string | undefined, // As `onAuth` of the tests names it.
        mail: readMail(bytes),
      });
      callback();
    } catch (error) {
      callback(error as Error); // The tests throw those alone.
    }
  }

  /** The port stays this server's, and can be started again. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((done) => (server === undefined ? done() : server.close(() => done())));
  }
}
