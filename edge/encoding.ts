import type { ClientMessage, Decoded, Encoding, ServerMessage } from "../proto/ws/index.ts";
import {
  decodeClientJson,
  decodeClientMsgpack,
  encodeServerJson,
  encodeServerMsgpack,
  SUBPROTOCOLS,
  undecodable,
} from "../proto/ws/index.ts";

export type Frame = string | Uint8Array;

export const ENCODINGS: readonly Encoding[] = ["json", "msgpack"];

/** By subprotocol, as a client offers it. */
export const ENCODING_OF: ReadonlyMap<string, Encoding> = new Map(
  ENCODINGS.map((encoding) => [SUBPROTOCOLS[encoding], encoding]),
);

export const encode = (message: ServerMessage, encoding: Encoding): Frame =>
  encoding === "json" ? encodeServerJson(message) : encodeServerMsgpack(message);

export function decode(data: ArrayBuffer, isBinary: boolean, encoding: Encoding): Decoded<ClientMessage> {
  if (isBinary !== (encoding === "msgpack")) {
    return undecodable(
      isBinary ? `${SUBPROTOCOLS.json} travels in text frames` : `${SUBPROTOCOLS.msgpack} travels in binary frames`,
    );
  }
  // A text frame was found to be UTF-8 when it came in.
  return isBinary ? decodeClientMsgpack(new Uint8Array(data)) : decodeClientJson(Buffer.from(data).toString());
}

/** A frame in whichever encodings somebody wants it, encoded once each and when first wanted. */
export class EncodedOnce {
  readonly #message: () => ServerMessage;
  #json: Frame | undefined;
  #msgpack: Frame | undefined;

  constructor(message: () => ServerMessage) {
    this.#message = message;
  }

  in(encoding: Encoding): Frame {
    if (encoding === "json") return (this.#json ??= encode(this.#message(), encoding));
    return (this.#msgpack ??= encode(this.#message(), encoding));
  }
}
