/**
 * What travels on the bus is typed by its subject: a topic for publish and subscribe, an endpoint for request and reply.
 * The in-process bus hands the value over as it is, so a value is never changed after it was sent; other adapters use the codec.
 */
import { Packr } from "msgpackr";
import type { Check } from "./checks.ts";
import { readPlain } from "./codec/index.ts";

export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** @throws when the bytes are not such a value; the adapter drops the message and says so. */
  decode(bytes: Uint8Array): T;
}

export interface Topic<T> {
  /** Tokens of `[A-Za-z0-9_-]` joined by dots. */
  readonly name: string;
  readonly codec: Codec<T>;
}

export interface Endpoint<Question, Answer> {
  readonly name: string;
  readonly question: Codec<Question>;
  readonly answer: Codec<Answer>;
}

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, moreTypes: true });

const PLAIN: Codec<unknown> = { encode: (value) => packr.pack(value), decode: (bytes): unknown => packr.unpack(bytes) };

/** MessagePack maps, for what is rare; trusted peers only, since it checks no shape, and reads extensions. */
export const plainCodec = <T>(): Codec<T> => PLAIN as Codec<T>; // The cast is the trust named above: both ends are ours.

/** The same for what an edge may send, which faces the internet: without extensions, so that reading it costs no more than its bytes. */
export const untrustedCodec = <T>(): Codec<T> => ({
  encode: (value) => packr.pack(value),
  decode: (bytes) => readPlain(bytes) as T, // Its shape is for whoever decodes it to look at.
});

/** For what comes from peers, and must be of the right shape all the same: what was sent here for another's question is not. */
export const checkedCodec = <T>(isOfShape: Check): Codec<T> => ({
  encode: PLAIN.encode,
  decode(bytes) {
    const value = PLAIN.decode(bytes);
    if (!isOfShape(value)) throw new TypeError("something else than may come here");
    return value as T; // It was just looked at.
  },
});
