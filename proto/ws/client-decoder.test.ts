import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { decodeClientJson, decodeClientMsgpack, WS_LIMITS } from "./index.ts";
import { OP } from "./op.ts";

const hold = { op: "hold", rid: "r1", showtime: "s1", seats: [1, 2] };
const packr = new Packr({ useRecords: false });

describe("a client's JSON", () => {
  it.each([
    ["no JSON", "{", "the message is not JSON in UTF-8"],
    ["a byte order mark", `\ufeff${JSON.stringify(hold)}`, "the message is not JSON in UTF-8"],
    ["no object", "[1]", "a message is an object with an op"],
    ["null", "null", "a message is an object with an op"],
    ["no op", "{}", "op must be one of auth, watch, unwatch, hold, extend, release"],
    ["an op that every object knows", '{"op":"constructor"}', "op must be one of"],
    ["a server's op", '{"op":"held"}', "op must be one of"],
    ["a prototype", '{"op":"unwatch","showtime":"s1","__proto__":{}}', 'there is no field "__proto__"'],
    ["nesting without end", "[".repeat(WS_LIMITS.clientMessageBytes), "the message is not JSON"],
    ["too much", " ".repeat(WS_LIMITS.clientMessageBytes + 1), "a message has at most 4096 bytes"],
  ])("with %s is refused", (_what, text, reason) => {
    for (const input of [text, new TextEncoder().encode(text)]) {
      const decoded = decodeClientJson(input);
      expect(decoded.ok ? decoded : decoded.reason).toContain(reason);
    }
  });

  it.each([
    ["seats missing", { seats: undefined }, "required properties seats"],
    ["no seats", { seats: [] }, "seats must not have fewer than 1 items"],
    ["a negative seat", { seats: [1, -1] }, "seats/1 must be >= 0"],
    ["a seat past every hall", { seats: [65_536] }, "seats/0 must be <= 65535"],
    ["half a seat", { seats: [0.5] }, "seats/0 must be integer"],
    ["a seat as text", { seats: ["1"] }, "seats/0 must be integer"],
    ["a seat twice", { seats: [7, 8, 7] }, "seats must name each seat once"],
    ["a seat twice among many", { seats: [...Array(40).keys(), 3] }, "seats must name each seat once"],
    ["seats and a wish", { best: { count: 2 } }, 'there is no field "seats"'],
    ["a wish for none", { seats: undefined, best: { count: 0 } }, "best/count must be >= 1"],
    [
      "a misspelt wish",
      { seats: undefined, best: { count: 2, spilt: true } },
      "best must not have additional properties",
    ],
    ["a showtime that no id is", { showtime: "s 1" }, "showtime must match"],
    ["another field", { note: "x" }, 'there is no field "note"'],
  ])("hold with %s is refused, and the refusal can name the request", (_what, change, reason) => {
    const decoded = decodeClientJson(JSON.stringify({ ...hold, ...change }));
    expect(decoded).toStrictEqual({ ok: false, reason: expect.stringContaining(reason) as string, rid: "r1" });
  });

  it.each([7, "", "r".repeat(65), "\ud800", null])("hold with the request id %j is refused without one", (rid) => {
    const decoded = decodeClientJson(JSON.stringify({ ...hold, rid }));
    expect(decoded).toStrictEqual({ ok: false, reason: expect.stringContaining("rid") as string });
  });

  it.each(["-0", "1e999", "1e5", "9007199254740993"])("hold of seat %s is refused", (seat) => {
    expect(decodeClientJson(`{"op":"hold","rid":"r1","showtime":"s1","seats":[${seat}]}`).ok).toBe(false);
  });

  it("may write its integers as it likes, and a field twice: the last one counts", () => {
    const text = '{"op":"hold","rid":"r0","rid":"r1","showtime":"s1","seats":[1.0, 2e0]}';
    expect(decodeClientJson(text)).toStrictEqual({ ok: true, message: hold });
  });

  it("that is not UTF-8 is refused", () => {
    expect(decodeClientJson(Uint8Array.of(0x22, 0xff, 0x22)).ok).toBe(false);
  });
});

describe("a client's msgpack", () => {
  it.each([
    ["no bytes", [], "message must be an array (before byte 1)"],
    ["a map", [0x81, 0x01, 0x01], "message must be an array"],
    ["an extension", [0xd4, 0x01, 0x00], "message must be an array"],
    ["an array of four thousand million fields", [0xdd, 0xff, 0xff, 0xff, 0xff], "ends within the message"],
    ["an op of text", [0x92, 0xa1, 0x61, 0x01], "op must be an integer"],
    ["an unknown op", [0x91, 0x63], "op must be the number of a client message"],
    ["a server's op", [0x92, OP.reauth, 0x01], "op must be the number of a client message"],
    ["a field too few", [0x91, OP.unwatch], "message must be an array of 2 fields"],
    ["a field too many", [0x93, OP.unwatch, 0xa1, 0x61, 0xc0], "message must be an array of 2 fields"],
    ["bytes after it", [0x92, OP.unwatch, 0xa1, 0x61, 0x00], "nothing after its last field"],
    ["a string past the end", [0x92, OP.unwatch, 0xa5, 0x61], "showtime must be a string that ends within"],
    ["a string of four thousand million bytes", [0x92, OP.unwatch, 0xdb, 0xff, 0xff, 0xff, 0xff], "ends within"],
    ["half a length", [0x92, OP.unwatch, 0xdb, 0xff], "ends within"],
    ["a string not in UTF-8", [0x92, OP.unwatch, 0xa1, 0xff], "showtime must be a string in UTF-8"],
    ["a surrogate in UTF-8", [0x92, OP.unwatch, 0xa3, 0xed, 0xa0, 0x80], "showtime must be a string in UTF-8"],
    ["bytes for a string", [0x92, OP.unwatch, 0xc4, 0x01, 0x61], "showtime must be a string"],
    ["nil for what must be there", [0x92, OP.unwatch, 0xc0], "showtime must be a string"],
    ["a float", [0x93, OP.watch, 0xa1, 0x61, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], "epoch must be an integer"],
    ["a negative number", [0x93, OP.watch, 0xa1, 0x61, 0xff], "epoch must be an integer"],
    ["a wide negative number", [0x93, OP.watch, 0xa1, 0x61, 0xd1, 0xff, 0xff], "epoch must be an integer"],
    ["2^53", [0x93, OP.watch, 0xa1, 0x61, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0], "epoch must be an integer"],
  ])("with %s is refused", (_what, bytes, reason) => {
    const decoded = decodeClientMsgpack(Uint8Array.from(bytes));
    expect(decoded.ok ? decoded : decoded.reason).toContain(reason);
  });

  it("over the limit is refused", () => {
    expect(decodeClientMsgpack(new Uint8Array(WS_LIMITS.clientMessageBytes + 1)).ok).toBe(false);
  });

  it("passes the same checks as JSON, and its refusal can name the request", () => {
    const decoded = decodeClientMsgpack(packr.pack([OP.holdSeats, "r1", "s1", [7, 7]]));
    expect(decoded).toStrictEqual({ ok: false, reason: "seats must name each seat once", rid: "r1" });
    const broken = decodeClientMsgpack(packr.pack([OP.holdSeats, "r1", "s1", [7, -7]]));
    expect(broken).toMatchObject({ ok: false, rid: "r1" });
  });

  it("may be another library's, in longer forms than ours, with what is optional left out", () => {
    expect(decodeClientMsgpack(packr.pack([OP.holdSeats, "r1", "s1", [1, 2]]))).toStrictEqual({
      ok: true,
      message: hold,
    });
    expect(decodeClientMsgpack(packr.pack([OP.holdBest, "r1", "s1", 2, null, true]))).toStrictEqual({
      ok: true,
      message: { op: "hold", rid: "r1", showtime: "s1", best: { count: 2, split: true } },
    });
    const long = [
      0xdc,
      0,
      4,
      0xcc,
      OP.watch,
      0xd9,
      1,
      0x61,
      0xcf,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      9,
      0xd3,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      8,
    ];
    expect(decodeClientMsgpack(Uint8Array.from(long))).toStrictEqual({
      ok: true,
      message: { op: "watch", showtime: "a", epoch: 9, seq: 8 },
    });
  });
});
