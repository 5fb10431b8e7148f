const LONE = String.raw`\uD800-\uDFFF`;
const PAIR = String.raw`[\uD800-\uDBFF][\uDC00-\uDFFF]`;
/** Control and format characters; the rare format characters beyond the first plane cannot be within a class. */
const RANGES: Readonly<Record<string, string>> = {
  Cc: String.raw`\x00-\x1F\x7F-\x9F`,
  Cf: String.raw`\xAD\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF\uFFF9-\uFFFB`,
  Cs: LONE,
};

/**
 * For documents: our patterns are read with JavaScript's `u` flag, but in draft 7 of JSON Schema they have none, and Python knows no `\p`.
 * What this gives means the same with the flag and without, where whatever is no half of a pair is refused.
 */
export const portablePattern = (pattern: string): string =>
  pattern
    .replaceAll(String.raw`\P{Cs}`, String.raw`[^\p{Cs}]`)
    .replaceAll(/\[\^([^\]]*)\\p\{Cs\}([^\]]*)\]/g, (_class, before: string, after: string) => {
      const others = `${before}${after}`.replaceAll(/\\p\{(\w+)\}/g, (_name, name: string) => RANGES[name] ?? "");
      return `(?:[^${others}${LONE}]|${PAIR})`;
    });
