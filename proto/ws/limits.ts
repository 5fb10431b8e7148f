/** What one WebSocket message may hold. The edge closes with 1009 past the first; the decoders refuse past any. */
export const WS_LIMITS = {
  clientMessageBytes: 4096,
  /** Characters (code points). */
  requestIdLength: 64,
  categoryIdLength: 64,
  holdIdLength: 80,
} as const;
