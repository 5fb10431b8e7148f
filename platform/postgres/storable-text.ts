/** The beginning of a text as PostgreSQL can keep it: its texts hold no NUL. */
export const storableText = (text: string, lengthMax: number): string => text.replaceAll("\0", "").slice(0, lengthMax);
