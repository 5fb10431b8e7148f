import type { RequestId } from "../ids.ts";

/** What a decoder makes of any bytes: a message, or a sentence saying what is wrong and where. It never throws. */
export type Decoded<Message> = { readonly ok: true; readonly message: Message } | Undecodable;

export interface Undecodable {
  readonly ok: false;
  readonly reason: string;
  /** The request it was about, where that much could be read, so that the error can name it. */
  readonly rid?: RequestId;
  /** There is no fault in it but that its op is none that we know: somebody newer may have sent it. */
  readonly isUnknown?: true;
}

export const undecodable = (reason: string, rid?: RequestId): Undecodable =>
  rid === undefined ? { ok: false, reason } : { ok: false, reason, rid };
