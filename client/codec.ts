import { encodeClientJson, encodeClientMsgpack } from "../proto/ws/client-encoder.ts";
import { undecodable, type Decoded } from "../proto/ws/decoded.ts";
import type { ClientMessage, ServerMessage } from "../proto/ws/messages.ts";
import { decodeServerJson, decodeServerMsgpack } from "../proto/ws/server-decoder.ts";

export type Encoding = "json" | "msgpack";

/** One of the two subprotocols, from the client's side. */
export interface ClientCodec {
  readonly subprotocol: string;
  encode(message: ClientMessage): string | Uint8Array;
  /** Never throws, whatever it is given. */
  decode(data: unknown): Decoded<ServerMessage>;
}

const CODECS: Record<Encoding, ClientCodec> = {
  json: {
    subprotocol: "usher.v1.json",
    encode: encodeClientJson,
    decode: (data) => (typeof data === "string" ? decodeServerJson(data) : undecodable("not text")),
  },
  msgpack: {
    subprotocol: "usher.v1.msgpack",
    encode: encodeClientMsgpack,
    decode: (data) =>
      data instanceof ArrayBuffer ? decodeServerMsgpack(new Uint8Array(data)) : undecodable("not binary"),
  },
};

export const codecOf = (encoding: Encoding): ClientCodec => CODECS[encoding];
