/** What `identity` answers the other services. */
import type { Endpoint } from "../subject.ts";
import { plainCodec } from "../subject.ts";

/** A user as mails need one; a deleted account is not found. */
export interface UserCard {
  readonly id: string;
  readonly role: string;
  readonly email: string | null;
  readonly name: string | null;
  /** `en` or `de`, as chosen at registration; else `en`. */
  readonly language: string;
}

export const USER_CARD: Endpoint<{ readonly userId: string }, UserCard | null> = {
  name: "identity.user",
  question: plainCodec(),
  answer: plainCodec(),
};
