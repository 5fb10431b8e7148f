import type { NewShowtime } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { CANCEL_UNTIL_BEFORE_MS, SHOWTIME_AHEAD_MAX_MS, SHOWTIME_LENGTH_MAX_MS } from "../limits.ts";

const MINUTE_MS = 60_000;

type Wishes = Pick<NewShowtime, "startsAt" | "endsAt" | "salesStartAt" | "salesEndAt" | "cancelUntil">;

/**
 * When everything is, with what was left out as the API's description says.
 * @throws Problem BAD_MESSAGE naming the instant that does not exist or cannot be
 */
export function timesOf(wishes: Wishes, durationMinutes: number, cleaningMinutes: number, now: number) {
  const instant = (field: keyof Wishes, otherwise: number): number => {
    const text = wishes[field];
    const at = text === undefined ? otherwise : Date.parse(text);
    require(!Number.isNaN(at), field, "is no instant that exists");
    return at;
  };
  const startsAt = instant("startsAt", Number.NaN);
  require(startsAt > now, "startsAt", "is past");
  require(startsAt < now + SHOWTIME_AHEAD_MAX_MS, "startsAt", "is more than ten years ahead");
  const endsAt = instant("endsAt", startsAt + durationMinutes * MINUTE_MS);
  require(endsAt > startsAt, "endsAt", "is not after startsAt");
  require(endsAt <= startsAt + SHOWTIME_LENGTH_MAX_MS, "endsAt", "is more than a day after startsAt");
  const salesEndAt = instant("salesEndAt", startsAt);
  require(salesEndAt <= endsAt, "salesEndAt", "is after the showtime's end");
  const salesStartAt = instant("salesStartAt", now);
  require(salesStartAt >= 0 && salesStartAt < salesEndAt, "salesStartAt", "is not before salesEndAt");
  const cancelUntil = instant("cancelUntil", startsAt - CANCEL_UNTIL_BEFORE_MS);
  require(cancelUntil >= 0 && cancelUntil <= startsAt, "cancelUntil", "is after startsAt");
  return {
    starts_at: new Date(startsAt),
    ends_at: new Date(endsAt),
    hall_free_at: new Date(endsAt + cleaningMinutes * MINUTE_MS),
    sales_start_at: new Date(salesStartAt),
    sales_end_at: new Date(salesEndAt),
    cancel_until: new Date(cancelUntil),
  };
}

function require(fits: boolean, field: keyof Wishes, otherwise: string): asserts fits {
  if (!fits) throw new Problem("BAD_MESSAGE", `body.${field} ${otherwise}.`, { field: `body.${field}` });
}
