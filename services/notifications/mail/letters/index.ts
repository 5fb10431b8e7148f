export { type LetterSeat, nameOf, writeLetter } from "./letter.ts";
export { letterAsHtml, letterAsText } from "./set-letter.ts";
export { MAILED_EVENTS, type MailedEvent } from "./messages.ts";
