import type { RandomBytes } from "./random-bytes.ts";

/** As many as a UUID has: nobody guesses one, and no two are the same. */
export const ID_BYTES = 16;

/** @param prefix says what it names, without the underscore: `bk` gives an id such as `bk_mY0b4S1q9kQf2hUu7x3LzA` */
export const newId = (prefix: string, random: RandomBytes): string =>
  `${prefix}_${random(ID_BYTES).toString("base64url")}`;
