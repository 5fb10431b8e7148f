/** WebSocket close codes (RFC 6455, 7.4). 4000-4499: reconnect; 4500-4999: do not. */
export const CLOSE_CODES = {
  NORMAL: { code: 1000, reason: "bye" },
  GOING_AWAY: { code: 1001, reason: "server shutting down" },
  POLICY: { code: 1008, reason: "too many bad messages" },
  TOO_BIG: { code: 1009, reason: "message over the size limit" },
  DRAINING: { code: 4000, reason: "reconnect: this edge is draining" },
  SLOW: { code: 4001, reason: "reconnect: the connection could not keep up" },
  FULL: { code: 4002, reason: "reconnect: this edge takes no more connections just now" },
  TOO_FAST: { code: 4003, reason: "reconnect: too many messages, although they were refused" },
  TOO_MANY_CONNECTIONS: { code: 4004, reason: "reconnect: too many connections from this address just now" },
  SIGNED_OUT: { code: 4501, reason: "signed out" },
} as const;

export const mayReconnect = (code: number): boolean =>
  code < 4500 && code !== CLOSE_CODES.POLICY.code && code !== CLOSE_CODES.TOO_BIG.code;
