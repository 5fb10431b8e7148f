import { createTransport } from "nodemailer";
import { type Clock, within } from "../../../../platform/clock/index.ts";
import { emailKey } from "../../../../platform/email-address/index.ts";
import { CONNECT_TIMEOUT_MS, SEND_DEADLINE_MS, SOCKET_TIMEOUT_MS } from "../limits.ts";
import {
  type Mail,
  MailRefused,
  type MailTransport,
  RecipientUnreachable,
  TransportUnreachable,
} from "./mail-transport.ts";
import { messageOf } from "./message.ts";

interface Options {
  /** `smtp://user:password@host:port`, or `smtps://`; nodemailer's options may follow as a query, such as `?requireTLS=false`. */
  readonly url: string;
  readonly from: string;
  readonly clock: Clock;
}

/** Hands mails to a server, a connection each. TLS is used where it is offered, and demanded where a password is sent over a network. */
export class SmtpTransport implements MailTransport {
  readonly #transporter;
  readonly #from: string;
  readonly #clock: Clock;

  constructor({ url, from, clock }: Options) {
    this.#from = from;
    this.#clock = clock;
    this.#transporter = createTransport({
      requireTLS: sendsPasswordOverNetwork(url),
      url,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      greetingTimeout: CONNECT_TIMEOUT_MS,
      dnsTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
    });
  }

  async send(mail: Mail): Promise<void> {
    const sending = this.#transporter.sendMail(messageOf(mail, this.#from)).catch((error: unknown) => {
      throw classified(error, this.#from);
    });
    // A server that keeps talking is not waited for for ever; should it take the mail after all, its id tells the second one.
    await within(this.#clock, SEND_DEADLINE_MS, sending, () => {
      throw new Error("the mail server took too long");
    });
  }
}

/** What nodemailer itself refuses of a mail. Its other refusals are of the settings, such as a name without its password. */
const OF_THE_MAIL: ReadonlySet<string | undefined> = new Set(["EENVELOPE", "EMESSAGE"]);

/**
 * "Later", said of the recipient's address, such as one whose domain nobody knows, or of the mailbox, such as one that is full (RFC 3463:
 * X.1.7 and X.1.8 are said of the sender).
 */
const OF_THE_RECIPIENT = /^4\d\d[ -]4\.(?:1\.(?![78]\b)|2\.)/;

/** What is said of the recipient or of the mail is about this mail; whatever else goes wrong is about the server, or our settings. */
function classified(error: unknown, from: string): Error {
  const { message, response, responseCode, code, command } = error as SmtpError; // Nodemailer throws nothing else.
  const said = withoutAddresses(message, from);
  if (command === "API" && OF_THE_MAIL.has(code)) return new MailRefused(said);
  if (command !== "RCPT TO" && command !== "DATA") return new TransportUnreachable(said);
  if (responseCode !== undefined && responseCode >= 500) return new MailRefused(said);
  return response !== undefined && OF_THE_RECIPIENT.test(response) ? new RecipientUnreachable(said) : new Error(said);
}

/**
 * Servers like to repeat the address, in small letters, as nodemailer wrote it (a domain in punycode, the rest in quotes), or as that of the
 * mailbox behind it; so all but our own are left out. Errors are kept longer than accounts.
 */
const withoutAddresses = (message: string, own: string): string =>
  message.replaceAll(WORD, (word) => (word.includes("@") && emailKey(word) !== emailKey(own) ? "an address" : word));

/** Up to what stands around an address, and never in one that mail is sent to. */
const WORD = /[^\s<>()[\],;:]+/g;

type SmtpError = Error & {
  /** As the server wrote it. */
  readonly response?: string;
  readonly responseCode?: number;
  readonly code?: string;
  readonly command?: string;
};

function sendsPasswordOverNetwork(url: string): boolean {
  const { username, hostname } = new URL(url);
  return username !== "" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
