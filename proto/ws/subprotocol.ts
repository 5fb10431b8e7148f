/** What a client offers in `Sec-WebSocket-Protocol`, and so how its messages travel; offering none means JSON. */
export const SUBPROTOCOLS = { json: "usher.v1.json", msgpack: "usher.v1.msgpack" } as const;

/** JSON travels in text frames, msgpack in binary ones. */
export type Encoding = keyof typeof SUBPROTOCOLS;
