export interface Address {
  readonly name: string;
  readonly address: string;
}

export interface Mail {
  /** Stable: a mail that is sent twice can be told by it. Also names the file. */
  readonly id: string;
  readonly date: Date;
  readonly to: Address;
  /** BCP 47. */
  readonly language: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly { readonly fileName: string; readonly type: string; readonly bytes: Uint8Array }[];
}

/** Where mails go. Settles when somebody else answers for the mail, or it is durable. */
export interface MailTransport {
  /** @throws MailRefused, TransportUnreachable, RecipientUnreachable; any other error: this mail may go well later */
  send(mail: Mail): Promise<void>;
}

/** Neither this address nor this mail will be taken, ever. */
export class MailRefused extends Error {
  override readonly name = "MailRefused";
}

/** Not the mail's fault: no mail can be sent just now. */
export class TransportUnreachable extends Error {
  override readonly name = "TransportUnreachable";
}

/** This mail may go well later, and waits for its recipient alone: others to other recipients are taken meanwhile. */
export class RecipientUnreachable extends Error {
  override readonly name = "RecipientUnreachable";
}
