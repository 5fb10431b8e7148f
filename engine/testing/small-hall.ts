import type { HallPlan } from "../../proto/index.ts";

/** Rows of 12 seats with an aisle in the middle, one category, no special seats. */
export function smallHall(seats: number): HallPlan {
  const all = Array.from({ length: seats }, (_, seat) => seat);
  return {
    row: Uint16Array.from(all, (seat) => Math.floor(seat / 12)),
    x: Int16Array.from(all, (seat) => (seat % 12) * 10),
    y: Int16Array.from(all, (seat) => Math.floor(seat / 12) * 10),
    category: new Uint8Array(seats),
    flags: Uint8Array.from(all, (seat) => (seat % 12 === 5 ? 4 : 0)),
    categories: [{ id: "standard", focalX: 55, focalY: 0 }],
  };
}
