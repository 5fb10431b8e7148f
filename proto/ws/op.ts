/**
 * The first field of every msgpack frame: which message it is. Numbers are never reused for something else.
 * Below 16 a client sends, from 16 on the server; each is one byte on the wire.
 */
export const OP = {
  auth: 1,
  watch: 2,
  unwatch: 3,
  holdSeats: 4,
  holdBest: 5,
  extend: 6,
  release: 7,

  welcome: 16,
  authed: 17,
  snapshot: 18,
  delta: 19,
  held: 20,
  extended: 21,
  released: 22,
  error: 23,
  expired: 24,
  booked: 25,
  reauth: 26,
  goaway: 27,
  booking: 28,
} as const;
