import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Level by level: Node's own recursive form never comes to an end where there is no such place to make, as below /proc.
 *
 * @param mode of every directory that is made
 * @returns false when it was there already
 * @throws the system's error
 */
export function makeDirectory(path: string, mode = 0o777): boolean {
  if (existsSync(path)) return false;
  makeDirectory(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (existsSync(path)) return false; // Another has just made it.
    throw error;
  }
}
