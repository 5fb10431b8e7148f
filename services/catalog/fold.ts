import { FOLDED_LENGTH_MAX } from "./limits.ts";

/**
 * Text as it is searched: without case, accents, control characters and doubled spaces, so that "melies" finds "Méliès".
 * What is stored for searching and what is searched for both go through here.
 */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[\p{C}\s]+/gu, " ")
    .toLowerCase()
    .trim()
    .slice(0, FOLDED_LENGTH_MAX);
}
