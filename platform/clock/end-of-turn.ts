import type { Clock } from "./clock.ts";

/** Settles when the work of this loop turn is done. */
export const endOfTurn = (clock: Clock): Promise<void> => new Promise((resolve) => clock.endOfTurn(resolve));
