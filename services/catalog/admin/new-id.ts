import type { RandomBytes } from "../../../platform/random/index.ts";

export const newId = (prefix: "mv" | "ci" | "ha" | "st", random: RandomBytes): string =>
  `${prefix}_${random(16).toString("base64url")}`;
