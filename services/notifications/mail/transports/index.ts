export { FileTransport } from "./file-transport.ts";
export { MailFolder } from "./mail-folder.ts";
export {
  type Mail,
  MailRefused,
  type MailTransport,
  RecipientUnreachable,
  TransportUnreachable,
} from "./mail-transport.ts";
export { SmtpTransport } from "./smtp-transport.ts";
