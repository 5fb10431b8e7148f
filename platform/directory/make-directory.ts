import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Level by level: Node's own recursive form never comes to an end where there is no such place to make, as below /proc.
 *
 * @param mode of every directory that is made
 * @returns false when it was there already
 * @throws the system's error, also where there is something else
 */
export function makeDirectory(path: string, mode = 0o777): boolean {
  if (isDirectory(path)) return false;
  makeDirectory(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (isDirectory(path)) return false; // Another has just made it.
    throw error;
  }
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
