/** The door for clients: what they encode and decode, and the types; nothing here loads the schemas or a library. */
export { encodeClientJson, encodeClientMsgpack } from "./client-encoder.ts";
export { decodeServerJson, decodeServerMsgpack } from "./server-decoder.ts";
export { undecodable, type Decoded, type Undecodable } from "./decoded.ts";
export { WS_LIMITS } from "./limits.ts";
export { SUBPROTOCOLS, type Encoding } from "./subprotocol.ts";
export type { ClientMessage, DeltaMessage, ServerMessage, ServerOp, SnapshotMessage } from "./messages.ts";
