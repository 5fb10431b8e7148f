/** Where a peer keeps its seats. */

/** SEATS of the environment: free seats in each showtime at the start. */
export const SEATS_A_HALL = Number(process.env["SEATS"] ?? 20_000);
export const HOLD_TTL_MS = 300_000;

export interface Hold {
  readonly id: number;
  readonly showtime: number;
  /** In ascending order, each once. */
  readonly seats: readonly number[];
  readonly holder: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface SeatStore {
  /** A number that no other process has, now or earlier: hold ids begin with it. */
  frontNumber(): Promise<number>;
  /** Makes the seats of these showtimes, all free, where they are not there yet. Called once per showtime, before all else. */
  open(showtimes: readonly number[]): Promise<void>;
  /** Takes all of the seats, or none of them where one is held by somebody. Resolves when that is as durable as the store makes it. */
  hold(hold: Hold): Promise<boolean>;
  /** Gives the seats back that are still this hold's. Resolves when that is as durable as the store makes it. */
  release(hold: Hold): Promise<void>;
}
