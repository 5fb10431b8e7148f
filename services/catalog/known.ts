import { Problem } from "../../platform/http/index.ts";

/** @throws Problem NOT_FOUND */
export function known<Value>(what: "movie" | "cinema" | "hall" | "showtime", value: Value | undefined): Value {
  if (value === undefined) throw new Problem("NOT_FOUND", `There is no such ${what}.`);
  return value;
}
