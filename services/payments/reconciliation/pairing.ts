import type { GatewayRecord } from "../gateways/gateway.ts";
import type { ComparedRow } from "./compared-payments.ts";

/** What the two say of a payment; undefined is what was not found there. */
export interface Sides {
  readonly row?: ComparedRow;
  readonly record?: GatewayRecord;
}

/** Payments of which the two lists say different things, by their ids: each is to be looked at again. */
export type Suspects = ReadonlyMap<string, Sides>;

/**
 * Pairs our payments with the gateway's, which arrive in slices. By the gateway's clock a payment may be of the slice before ours, or of the
 * next: so one of which only one side has told waits for the other until the next slice is over.
 */
export class Pairing {
  /** What waits since the slice before, and since this one. */
  #before = new Map<string, Sides>();
  #open = new Map<string, Sides>();
  #suspects = new Map<string, Sides>();
  #compared = 0;

  /** Payments so far, also those that one side alone has. */
  get compared(): number {
    return this.#compared;
  }

  /** Those of this slice of which only one side has told so far. */
  get open(): number {
    return this.#open.size;
  }

  ours(row: ComparedRow): void {
    this.#note(row.id, { row });
  }

  theirs(record: GatewayRecord): void {
    this.#note(record.paymentId, { record });
  }

  /** Waits no longer for ours of what the gateway has told of in this slice. @returns the suspects since the last time */
  letGo(): Suspects {
    for (const [id, sides] of this.#open) {
      if (sides.row !== undefined) continue;
      this.#open.delete(id);
      this.#compare(id, sides);
    }
    return this.#takeSuspects();
  }

  /** Both lists have ended for this slice. @returns the suspects since the last time */
  endOfSlice(isLast: boolean): Suspects {
    for (const [id, sides] of this.#before) this.#compare(id, sides);
    if (isLast) for (const [id, sides] of this.#open) this.#compare(id, sides);
    this.#before = this.#open;
    this.#open = new Map();
    return this.#takeSuspects();
  }

  #note(id: string, side: Sides): void {
    const other = this.#before.get(id) ?? this.#open.get(id);
    if (other === undefined) {
      this.#open.set(id, side);
      return;
    }
    this.#before.delete(id);
    this.#open.delete(id);
    this.#compare(id, { ...other, ...side });
  }

  #compare(id: string, sides: Sides): void {
    this.#compared += 1;
    // The gateway's list may have begun before `since`, by its clock.
    if (keptBy(sides.row) !== keptBy(sides.record)) this.#suspects.set(id, sides);
  }

  #takeSuspects(): Suspects {
    const suspects = this.#suspects;
    this.#suspects = new Map();
    return suspects;
  }
}

/** What a side has of the buyer's money: nothing where it does not know the payment. */
export const keptBy = (side: { readonly captured: number; readonly refunded: number } | undefined): number =>
  side === undefined ? 0 : side.captured - side.refunded;
