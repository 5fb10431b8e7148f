import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { SEAT_MAX } from "../limits.ts";
import { decodeServerJson, decodeServerMsgpack } from "./index.ts";
import { OP } from "./op.ts";

const packr = new Packr({ useRecords: false });
const decode = (fields: unknown[]) => decodeServerMsgpack(packr.pack(fields));
const delta = (changes: number[], span = 1) =>
  decode([OP.delta, "s1", 1, 2, span, Uint8Array.from(changes), 0xffff_ffff]);
const snapshot = (seats: number, bytes: number) => decode([OP.snapshot, "s1", 1, 2, seats, new Uint8Array(bytes), 0]);

describe("a server's msgpack", () => {
  it("has its changes in varints of at most three bytes, of seats that a hall can have", () => {
    expect(delta([0xfd, 0xff, 0x0f])).toMatchObject({ ok: true, message: { changes: [65_535 * 4 + 1] } });
    expect(delta([0x80, 0x80, 0x10]).ok).toBe(false);
    expect(delta([0x81, 0x80, 0x80, 0x00]).ok).toBe(false);
    expect(delta([0x04, 0x80]).ok).toBe(false);
  });

  it("has as many bytes of statuses as its seats need, and no more seats than a hall can have", () => {
    expect(snapshot(5, 2).ok).toBe(true);
    expect(snapshot(5, 1).ok).toBe(false);
    expect(snapshot(5, 3).ok).toBe(false);
    expect(snapshot(2 ** 34, 0).ok).toBe(false);
    const most = SEAT_MAX + 1;
    expect(snapshot(most, most / 4).ok).toBe(true);
    expect(snapshot(most + 4, most / 4 + 1).ok).toBe(false);
  });

  it("has no delta from before the beginning", () => {
    expect(delta([], 2)).toMatchObject({ ok: true, message: { from: 0, changes: [] } });
    expect(delta([], 3).ok).toBe(false);
  });
});

describe("a server that is newer", () => {
  it("may send fields that we do not know", () => {
    const message = { op: "goaway", reconnectInMs: 5 };
    expect(decodeServerJson(JSON.stringify({ ...message, why: "deploy" }))).toStrictEqual({ ok: true, message });
    expect(decode([OP.goaway, 5, "deploy"])).toStrictEqual({ ok: true, message });
  });

  it("may send messages that we do not know, which are refused as such", () => {
    const unknown = { ok: false, reason: "the op is unknown", isUnknown: true };
    expect(decodeServerJson('{"op":"waiting","place":7}')).toStrictEqual(unknown);
    expect(decode([99, 7])).toStrictEqual(unknown);
  });

  it("may give a reason that we do not know: that something was refused, and why in words, is known", () => {
    const refusal = { op: "error", rid: "r1", code: "INTERNAL", message: "x" };
    expect(decodeServerJson('{"op":"error","rid":"r1","code":"TOO_NEW","message":"x"}')).toStrictEqual({
      ok: true,
      message: refusal,
    });
    expect(decode([OP.error, "r1", "TOO_NEW", "x"])).toStrictEqual({ ok: true, message: refusal });
  });
});
