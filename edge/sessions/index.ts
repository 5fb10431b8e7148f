export { Commands } from "./commands.ts";
export { Outbox } from "./outbox.ts";
export type { Session } from "./session.ts";
export { Sessions } from "./sessions.ts";
export { SignIn } from "./sign-in.ts";
