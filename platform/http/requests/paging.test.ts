import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor, pageOf } from "./paging.ts";

const Place = Type.Tuple([Type.String(), Type.Integer()]);

describe("a cursor", () => {
  it("leads back to its place", () => {
    const place = ["Zo\u00eb \ud83c\udfac", 7];
    expect(decodeCursor(Place, encodeCursor(place))).toEqual(place);
    expect(encodeCursor(place)).toMatch(/^[\w-]+$/);
  });

  it.each(["", "x", "!!!!", encodeCursor({}), encodeCursor(["a"]), encodeCursor(["a", "b"]), encodeCursor(null)])(
    "is refused when it is %j",
    (cursor) => {
      expect(() => decodeCursor(Place, cursor)).toThrow("query.cursor");
    },
  );
});

it("a page has a next one only when a row is left over", () => {
  const page = (rows: number[]) =>
    pageOf(
      rows,
      2,
      (row) => row * 10,
      (row) => ["row", row],
    );
  expect(page([])).toEqual({ items: [], nextCursor: null });
  expect(page([1, 2])).toEqual({ items: [10, 20], nextCursor: null });
  const { items, nextCursor } = page([1, 2, 3]);
  expect(items).toEqual([10, 20]);
  expect(decodeCursor(Place, nextCursor ?? "")).toEqual(["row", 2]);
});
