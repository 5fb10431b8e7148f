/** The one door of `proto/`: what travels between processes, and between the engine and its clients. */
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./errors.ts";
export * from "./close-codes.ts";
export * from "./seat-status.ts";
export { ByteReader, ByteWriter, CorruptBytes } from "./codec/index.ts";
export * from "./fnv1a.ts";
export * from "./subject.ts";
export * from "./engine/index.ts";
export * from "./events.ts";
export * from "./money.ts";
export * from "./roles.ts";
export * from "./shortened.ts";
export * from "./when.ts";
