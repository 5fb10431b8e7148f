import { holdIdOf, type AnswerEvent, type Outcome, type ShowtimeId } from "../../proto/index.ts";

/** What the asker of `event` is told; a function of the event alone, so that a repeat is told literally the same. */
export function outcomeOf(showtime: ShowtimeId, event: AnswerEvent): Outcome {
  switch (event.type) {
    case "held":
      return {
        type: "held",
        hold: holdIdOf(showtime, event.hold),
        seats: event.seats,
        expiresInMs: event.deadline - event.at,
      };
    case "extended":
      return { type: "extended", hold: holdIdOf(showtime, event.hold), expiresInMs: event.deadline - event.at };
    case "released":
      return { type: "released", hold: holdIdOf(showtime, event.hold) };
    case "pinned": {
      const { booking, seats } = event;
      return {
        type: "pinned",
        hold: holdIdOf(showtime, event.hold),
        booking,
        seats,
        expiresInMs: event.deadline - event.at,
      };
    }
    case "confirmed":
      return { type: "confirmed", booking: event.booking, seats: event.seats, reacquired: event.hold === undefined };
    case "cancelled":
      return { type: "cancelled", booking: event.booking, seats: event.seats };
    case "opened":
    case "amended":
    case "closed":
    case "blocked":
    case "unblocked":
      return { type: "done" };
  }
}
