/**
 * What PostgreSQL has is read for ever. The rows below were written once, and their bytes never change: whoever has to write something else
 * gives it a tag of its own in `proto/engine/event-codec.ts` (or rows a new format), and adds a row here.
 */
import { describe, expect, test } from "vitest";
import {
  bookingId,
  ByteReader,
  decodeEvent,
  type Event,
  type HallPlan,
  holderId,
  type RequestId,
  type SaleLimits,
  type SaleRules,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import { readRow, RowWriter } from "./row-codec.ts";

const PREMIERE = showtimeId("premiere");
const MATINEE = showtimeId("matinee");
/** Behind the row's format, the place 0, and the showtime's id with its length. */
const TAG_AT = 3 + PREMIERE.length;

const at = 1_800_000_000_000;
const holder = holderId("ann");
const asked = { at, holder, rid: "r-1" as RequestId }; // The cast: a test's request ids need no parser.
const booking = bookingId("b-1");
const limits: SaleLimits = {
  holdTtlMs: 300_001,
  holdMaxMs: 900_002,
  paymentTtlMs: 200_003,
  maxSeatsPerHolder: 8,
  maxExtensions: 2,
};
const rules: SaleRules = {
  salesStartAt: at + 1,
  salesEndAt: at + 2,
  orphan: "strict",
  accessibleRelease: { when: "never" },
};
const lenient: SaleRules = {
  ...rules,
  showEndsAt: at + 3,
  version: 7,
  orphan: "lenient",
  accessibleRelease: { when: "before-end", ms: 3_600_000 },
};
const plan: HallPlan = {
  row: Uint16Array.of(0, 0, 300),
  x: Int16Array.of(-10, 0, 10),
  y: Int16Array.of(0, 5, 700),
  category: Uint8Array.of(0, 0, 1),
  flags: Uint8Array.of(1, 4, 2),
  categories: [
    { id: "stalls", focalX: 0.5, focalY: -2 },
    { id: "balcony", focalX: 1_000, focalY: 3.25 },
  ],
};

/** Rows of one event each, in base64. A new type of event does not compile until it has a row, and a new tag fails the test below. */
const ROWS = {
  opened: [
    [
      "AQAIcHJlbWllcmUMgKDxwrE0A2FubgNyLTECBnN0YWxscwAAAAAAAOA/AAAAAAAAAMAHYmFsY29ueQAAAAAAQI9AAAAAAAAACkADAADYBBMUFAAK7goAAAICBgOBoPHCsTSCoPHCsTQCAeGnEqL3NsOaDAgC",
      { type: "opened", ...asked, plan, rules, limits },
    ],
    [
      "AQAIcHJlbWllcmUMgKDxwrE0A2FubgNyLTECBnN0YWxscwAAAAAAAOA/AAAAAAAAAMAHYmFsY29ueQAAAAAAQI9AAAAAAAAACkADAADYBBMUFAAK7goAAAICBgOBoPHCsTSCoPHCsTTBg6DxwrE0BwKA3dsB4acSovc2w5oMCAI=",
      { type: "opened", ...asked, plan, rules: lenient, limits },
    ],
  ],
  amended: [
    [
      "AQAIcHJlbWllcmUNgKDxwrE0A2FubgNyLTGBoPHCsTSCoPHCsTQAAA==",
      { type: "amended", ...asked, rules: { ...rules, orphan: "none", accessibleRelease: { when: "always" } } },
    ],
    [
      "AQAIcHJlbWllcmUNgKDxwrE0A2FubgNyLTGBoPHCsTSCoPHCsTTBg6DxwrE0BwKA3dsB",
      { type: "amended", ...asked, rules: lenient },
    ],
    [
      "AQAIcHJlbWllcmUNgKDxwrE0A2FubgNyLTGBoPHCsTSCoPHCsTSCg6DxwrE0AQ==",
      { type: "amended", ...asked, rules: { ...rules, showEndsAt: at + 3 } },
    ],
    [
      "AQAIcHJlbWllcmUNgKDxwrE0A2FubgNyLTGBoPHCsTSCoPHCsTRCBwE=",
      { type: "amended", ...asked, rules: { ...rules, version: 7 } },
    ],
  ],
  limited: [["AQAIcHJlbWllcmUOgKDxwrE04acSovc2w5oMCAI=", { type: "limited", at, limits }]],
  closed: [["AQAIcHJlbWllcmUPgKDxwrE0A2FubgNyLTE=", { type: "closed", ...asked }]],
  held: [
    [
      "AQAIcHJlbWllcmUBgKDxwrE0A2FubgNyLTGsAuDHg8OxNAMYAhE=",
      { type: "held", ...asked, hold: 300, seats: [12, 13, 4], deadline: at + 300_000 },
    ],
  ],
  extended: [
    [
      "AQAIcHJlbWllcmUDgKDxwrE0A2FubgNyLTGsAsDvlcOxNA==",
      { type: "extended", ...asked, hold: 300, deadline: at + 600_000 },
    ],
  ],
  released: [
    ["AQAIcHJlbWllcmUCgKDxwrE0A2FubgNyLTGsAgIYAg==", { type: "released", ...asked, hold: 300, seats: [12, 13] }],
  ],
  pinned: [
    [
      "AQAIcHJlbWllcmUFgKDxwrE0A2FubgNyLTGsAgNiLTGgl6jDsTQCGAI=",
      { type: "pinned", ...asked, hold: 300, booking, seats: [12, 13], deadline: at + 900_000 },
    ],
  ],
  confirmed: [
    [
      "AQAIcHJlbWllcmUGgKDxwrE0A2FubgNyLTGsAgNiLTECGAI=",
      { type: "confirmed", ...asked, hold: 300, booking, seats: [12, 13] },
    ],
    ["AQAIcHJlbWllcmUHgKDxwrE0A2FubgNyLTEDYi0xAhgC", { type: "confirmed", ...asked, booking, seats: [12, 13] }],
  ],
  cancelled: [
    ["AQAIcHJlbWllcmUIgKDxwrE0A2FubgNyLTEDYi0xAhgC", { type: "cancelled", ...asked, booking, seats: [12, 13] }],
    [
      "AQAIcHJlbWllcmUJgKDxwrE0A2FubgNyLTGsAgNiLTECGAI=",
      { type: "cancelled", ...asked, hold: 300, booking, seats: [12, 13] },
    ],
  ],
  blocked: [["AQAIcHJlbWllcmUKgKDxwrE0A2FubgNyLTEC/v8H/f8H", { type: "blocked", ...asked, seats: [65_535, 0] }]],
  unblocked: [["AQAIcHJlbWllcmULgKDxwrE0A2FubgNyLTECAP7/Bw==", { type: "unblocked", ...asked, seats: [0, 65_535] }]],
  expired: [["AQAIcHJlbWllcmUEgKDxwrE0A2FubqwCAhgC", { type: "expired", at, holder, hold: 300, seats: [12, 13] }]],
  resumed: [["AQAIcHJlbWllcmUQgKDxwrE03As=", { type: "resumed", at, pausedMs: 1_500 }]],
  archived: [["AQAIcHJlbWllcmURgKDxwrE0", { type: "archived", at }]],
} as const satisfies Record<Event["type"], readonly (readonly [row: string, event: Event])[]>;

/** In base64, a row of two showtimes by turns, each named once. */
const TWO_SHOWTIMES = "AQAIcHJlbWllcmUQgKDxwrE0AQAHbWF0aW5lZRCAoPHCsTQCARCAoPHCsTQDAhGAoPHCsTQ=";
const BY_TURNS: readonly [ShowtimeId, Event][] = [
  [PREMIERE, { type: "resumed", at, pausedMs: 1 }],
  [MATINEE, { type: "resumed", at, pausedMs: 2 }],
  [PREMIERE, { type: "resumed", at, pausedMs: 3 }],
  [MATINEE, { type: "archived", at }],
];

const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, "base64");

function eventsOf(row: Uint8Array): [ShowtimeId, Event][] {
  const events: [ShowtimeId, Event][] = [];
  readRow(row, (showtime, event) => events.push([showtime, event]));
  return events;
}

function isTag(tag: number): boolean {
  try {
    decodeEvent(new ByteReader(Uint8Array.of(tag, ...new Uint8Array(64))));
  } catch (error) {
    return !String(error).includes("there is no event");
  }
  return true;
}

describe("these bytes never change (add a tag or a format):", () => {
  const rows = Object.entries(ROWS).flatMap(([type, all]) => all.map(([row, event]) => ({ type, row, event })));

  test.each(rows)("a row with what was $type", ({ row, event }) => {
    expect(eventsOf(bytesOf(row))).toEqual([[PREMIERE, event]]);
  });

  test("a row of two showtimes", () => {
    expect(eventsOf(bytesOf(TWO_SHOWTIMES))).toEqual(BY_TURNS);
  });

  test("every tag that is read has a row here", () => {
    const tags = rows.map(({ row }) => bytesOf(row)[TAG_AT]);
    expect(Array.from({ length: 256 }, (_, tag) => tag).filter((tag) => isTag(tag) !== tags.includes(tag))).toEqual([]);
  });
});

test("a row reads as it was written, and its writer begins anew", () => {
  const writer = new RowWriter();
  for (let time = 0; time < 2; time++) {
    const places = new Map<ShowtimeId, number>();
    for (const [id, event] of BY_TURNS) places.set(id, writer.add(id, places.get(id) ?? 0, event));
    expect(eventsOf(writer.take())).toEqual(BY_TURNS);
  }
  expect(eventsOf(writer.take())).toEqual([]);
});
