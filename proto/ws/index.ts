/** The door for servers: the schemas, and the codecs of both directions. Browsers use `client-codec.ts` instead. */
export * from "./client-codec.ts";
export { decodeClientJson, decodeClientMsgpack } from "./client-decoder.ts";
export { encodeServerJson, encodeServerMsgpack } from "./server-encoder.ts";
export { CLIENT_SCHEMAS, SERVER_SCHEMAS } from "./messages.ts";
