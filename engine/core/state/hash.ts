/** FNV-1a over the text, going on from `seed`. */
export function hashOf(text: string, seed = 0x811c9dc5 | 0): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = hashedWith(hash, text.charCodeAt(at));
  return finished(hash);
}

/** The same, a character at a time, for who reads them anyway. */
export const hashedWith = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193);

/** The last characters reach only the high bits of the product. */
export const finished = (hash: number): number => hash ^ (hash >>> 15);
