import { deepEqual } from "node:assert/strict";
import { outcomeOf } from "../../engine/core/index.ts";
import { readRow } from "../../engine/index.ts";
import type { JournalRow } from "../../engine/index.ts";
import type { Command, Outcome, ShowtimeId } from "../../proto/index.ts";

/** What durable rows say was answered: by request, and by booking for those that name one. */
export class DurableAnswers {
  readonly #byRequest = new Map<string, Outcome>();
  readonly #byBooking = new Map<string, Outcome[]>();

  learn(row: JournalRow): void {
    readRow(row.events, (showtime, event) => {
      if (!("rid" in event)) return;
      const outcome = outcomeOf(showtime, event);
      this.#byRequest.set(keyOf(showtime, event.holder, event.rid), outcome);
      if (!("booking" in event)) return;
      const key = `${showtime} ${event.booking}`;
      this.#byBooking.set(key, [...(this.#byBooking.get(key) ?? []), outcome]);
    });
  }

  /**
   * Fails unless `outcome` is what the journal has for the request. What a booking was told before (pinned, confirmed, cancelled) it may be told
   * again in another request without a new event; the time left of a pinned hold is then less.
   */
  check(command: Command, outcome: Outcome): void {
    const own = this.#byRequest.get(keyOf(command.showtime, command.holder, command.rid));
    if (own === undefined && "booking" in command) {
      const told = this.#byBooking.get(`${command.showtime} ${command.booking}`) ?? [];
      if (told.some((before) => before.type === outcome.type)) return;
    }
    if (own === undefined && outcome.type === "done") return; // It was so already.
    deepEqual(own, outcome, `the answer to ${JSON.stringify(command)} is not in the journal`);
  }
}

const keyOf = (showtime: ShowtimeId, holder: string, rid: string): string => `${showtime} ${holder} ${rid}`;
