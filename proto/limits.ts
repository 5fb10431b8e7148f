/** Bounds of what is asked, whichever way it comes: over REST, GraphQL or the WebSocket. */

/** Characters of an access token; a longer one is none, and UNAUTHORIZED. */
export const TOKEN_LENGTH_MAX = 2_048;
/** The highest index of a seat that a hall can have. */
export const SEAT_MAX = 65_535;
/** Seats that one request may name, or count; how many a holder may really have is the engine's to say. */
export const SEATS_PER_REQUEST_MAX = 2_048;
