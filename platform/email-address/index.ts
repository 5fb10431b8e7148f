export { emailKey, mailboxOf } from "./email-key.ts";
