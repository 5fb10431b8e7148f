/** Messages that the in-process bus delivers before the event loop gets a turn. */
export const BURST_MAX = 10_000;
