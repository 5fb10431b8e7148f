/** Bytes read and written by hand: the journal's and the snapshots' own form, and MessagePack from senders that are not trusted. */
export { asciiOf } from "./ascii.ts";
export { ByteReader, ByteWriter, CorruptBytes } from "./bytes.ts";
export { readPlain } from "./plain-reader.ts";
