import { fold } from "../fold.ts";

/** A pattern for `like` that fits every folded text with `text` in it. */
export const containing = (text: string): string => `%${fold(text).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
