export * from "./commands.ts";
export * from "./batch-weight.ts";
export * from "./events.ts";
export * from "./subjects.ts";
export type { ReplyBatch } from "./reply-codec.ts";
export * from "./event-codec.ts";
export * from "./sale-codec.ts";
export * from "./seats-codec.ts";
