import { statSync } from "node:fs";

const LOG_MAX_BYTES = 10 * 1024 * 1024;

/** So long that it is to go on in a new file, beside which it is kept as `.1`. */
export const isTooLong = (path: string): boolean =>
  (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_MAX_BYTES;
