import type { SendMailOptions } from "nodemailer";
import { type Mail, MailRefused } from "./mail-transport.ts";

/** Nothing with a meaning of its own in headers or in SMTP: such addresses exist on paper, and in attacks. */
const ADDRESS = /^[^\s\p{Cc}\p{Cf}<>()[\]\\,;:"@]{1,64}@[^\s\p{Cc}\p{Cf}<>()[\]\\,;:"@]{1,253}$/u;

/**
 * A mail as nodemailer takes it.
 * @param from the sender's address; its domain stands behind the message's id
 * @throws MailRefused when the address is not one
 */
export function messageOf(mail: Mail, from: string): SendMailOptions {
  if (!ADDRESS.test(mail.to.address))
    throw new MailRefused("the recipient's address is not one that mail can be sent to");
  return {
    messageId: `<${mail.id}@${from.slice(from.lastIndexOf("@") + 1)}>`,
    date: mail.date,
    from,
    to: { ...mail.to },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    // RFC 3834: no automatic answers, please.
    headers: { "Auto-Submitted": "auto-generated", "Content-Language": mail.language },
    attachments: mail.attachments.map(({ fileName, type, bytes }) => ({
      filename: fileName,
      contentType: type,
      content: Buffer.from(bytes),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
