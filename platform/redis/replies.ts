/** What scripts of ours answer, checked: a server that is not what it seems to be must not put nonsense into limits. */

/** @throws TypeError unless `reply` is a list of `length` whole numbers, none below 0 */
export function wholeNumbers(reply: unknown, length: number): readonly number[] {
  const isWhole = (item: unknown): item is number => Number.isSafeInteger(item) && Number(item) >= 0;
  if (Array.isArray(reply) && reply.length === length && reply.every(isWhole)) return reply;
  throw new TypeError("Redis answered what is no list of numbers");
}
