import type { Layout, LayoutSeat } from "../../client/index.ts";

/** All seats, from where everybody wants to sit: the middle of the row, two thirds of the way back. */
export function dreamSeats({ seats }: Layout): number[] {
  const spanOf = (pick: (seat: LayoutSeat) => number): { low: number; high: number } =>
    seats.reduce((span, seat) => ({ low: Math.min(span.low, pick(seat)), high: Math.max(span.high, pick(seat)) }), {
      low: Number.POSITIVE_INFINITY,
      high: Number.NEGATIVE_INFINITY,
    });
  const x = spanOf((seat) => seat.x);
  const y = spanOf((seat) => seat.y);
  const focal = { x: (x.low + x.high) / 2, y: y.low + ((y.high - y.low) * 2) / 3 };
  const distance = (seat: LayoutSeat): number => Math.hypot(seat.x - focal.x, seat.y - focal.y);
  return seats
    .filter(({ accessible, companion }) => !accessible && !companion)
    .toSorted((a, b) => distance(a) - distance(b))
    .map(({ index }) => index);
}
