/** How the catalogue talks to the engine. */
import { answerTo, type Engine } from "../../platform/engine-client/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import { holderId, type Refusal, requestId, type RequestId, SEAT_STATUS, type ShowtimeId } from "../../proto/index.ts";

/** In whose name the catalogue asks. */
export const CATALOG = holderId("catalog");

/** Another at each try: a command of the catalogue says how a sale or a seat is to be, not what is to be done to it, so it may be repeated. */
export const newRid = (random: RandomBytes): RequestId => requestId(random(12).toString("base64url"));

/** Those that somebody holds or has booked: none where the engine does not know the showtime. */
export async function takenSeats(engine: Engine, showtime: ShowtimeId): Promise<ReadonlySet<number> | Refusal> {
  const view = await answerTo(engine, { type: "view", showtime });
  if (view.type === "refused") return view.code === "NOT_FOUND" ? new Set() : view;
  const isTaken = (status: number): boolean => status === SEAT_STATUS.held || status === SEAT_STATUS.booked;
  return new Set([...view.statuses.keys()].filter((seat) => isTaken(view.statuses[seat] ?? SEAT_STATUS.free)));
}
