import {
  type ClientMessage,
  type Decoded,
  decodeServerJson,
  decodeServerMsgpack,
  encodeClientJson,
  encodeClientMsgpack,
  type Encoding,
  type ServerMessage,
  SUBPROTOCOLS,
  undecodable,
} from "../proto/ws/client-codec.ts";

/** One of the two subprotocols, from the client's side. */
export interface ClientCodec {
  readonly subprotocol: string;
  encode(message: ClientMessage): string | Uint8Array;
  /** Never throws, whatever it is given. */
  decode(data: unknown): Decoded<ServerMessage>;
}

const CODECS: Record<Encoding, ClientCodec> = {
  json: {
    subprotocol: SUBPROTOCOLS.json,
    encode: encodeClientJson,
    decode: (data) => (typeof data === "string" ? decodeServerJson(data) : undecodable("not text")),
  },
  msgpack: {
    subprotocol: SUBPROTOCOLS.msgpack,
    encode: encodeClientMsgpack,
    decode: (data) =>
      data instanceof ArrayBuffer ? decodeServerMsgpack(new Uint8Array(data)) : undecodable("not binary"),
  },
};

export const codecOf = (encoding: Encoding): ClientCodec => CODECS[encoding];
