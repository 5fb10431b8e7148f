/** Whether two lists without twins name the same seats. */
export const sameSeats = (some: readonly number[], others: readonly number[]): boolean =>
  some.length === others.length && some.every((seat) => others.includes(seat));
