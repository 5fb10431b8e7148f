/** Tickets and the gate. */
export {};
