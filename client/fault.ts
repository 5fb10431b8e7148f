import { SEAT_MAX, SEATS_PER_REQUEST_MAX, TOKEN_LENGTH_MAX } from "../proto/index.ts";
import { type ClientMessage, WS_LIMITS } from "../proto/ws/client-codec.ts";

const { categoryIdLength, holdIdLength, requestIdLength } = WS_LIMITS;
const BEST_FIELDS: readonly string[] = ["count", "category", "split"];

/**
 * What the server's schemas would refuse in a message, found without them and the library that they need. A server counts bad
 * messages and closes for good at the tenth, so none may be sent; nor need text be that can be no token.
 */
export function faultOf(message: ClientMessage): string | undefined {
  switch (message.op) {
    case "auth":
      return faultOfText("token", message.token, TOKEN_LENGTH_MAX);
    case "watch":
    case "unwatch":
      return undefined; // Their showtime and position have been checked where they came from.
    case "hold":
      return (
        faultOfText("rid", message.rid, requestIdLength) ??
        ("best" in message ? faultOfBest(message.best) : faultOfSeats(message.seats)) ??
        faultOfFlag("accessible", message.accessible)
      );
    case "extend":
    case "release":
      return (
        faultOfText("rid", message.rid, requestIdLength) ??
        faultOfText("holdId", message.holdId, holdIdLength) ??
        ("seats" in message ? faultOfSeats(message.seats) : undefined)
      );
  }
}

function faultOfBest(best: { count: number; category?: string; split?: boolean }): string | undefined {
  const unknown = Object.keys(best).find((name) => !BEST_FIELDS.includes(name));
  if (unknown !== undefined) return `there is no field ${JSON.stringify(unknown)} in best`;
  const { category, count, split } = best;
  if (!isWhole(count, 1, SEATS_PER_REQUEST_MAX))
    return `best.count must be a whole number of 1 to ${SEATS_PER_REQUEST_MAX}`;
  const fault = category === undefined ? undefined : faultOfText("best.category", category, categoryIdLength);
  return fault ?? faultOfFlag("best.split", split);
}

function faultOfSeats(seats: readonly number[]): string | undefined {
  const isList =
    seats.length > 0 &&
    seats.length <= SEATS_PER_REQUEST_MAX &&
    seats.every((seat) => isWhole(seat, 0, SEAT_MAX)) &&
    new Set(seats).size === seats.length;
  return isList
    ? undefined
    : `seats must be 1 to ${SEATS_PER_REQUEST_MAX} whole numbers of 0 to ${SEAT_MAX}, each of them once`;
}

const isWhole = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

/** Callers in JavaScript have no types to keep them from anything else. */
const faultOfText = (what: string, text: unknown, lengthMax: number): string | undefined =>
  typeof text === "string" && new RegExp(`^\\P{Cs}{1,${lengthMax}}$`, "u").test(text)
    ? undefined
    : `${what} must be text of 1 to ${lengthMax} characters`;

const faultOfFlag = (what: string, flag: unknown): string | undefined =>
  flag === undefined || typeof flag === "boolean" ? undefined : `${what} must be true or false`;
