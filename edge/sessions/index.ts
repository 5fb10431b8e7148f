export { Commands } from "./commands.ts";
export { TurnBuffer } from "./turn-buffer.ts";
export type { Session } from "./session.ts";
export { Sessions } from "./sessions.ts";
export { SignIn } from "./sign-in.ts";
