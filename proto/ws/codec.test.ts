import fc from "fast-check";
import { unpack } from "msgpackr";
import { Compile, type Validator } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { holdIdOf, showtimeId, type RequestId } from "../ids.ts";
import { checksumOf, seatChange } from "../seat-status.ts";
import {
  CLIENT_SCHEMAS,
  decodeClientJson,
  decodeClientMsgpack,
  decodeServerJson,
  decodeServerMsgpack,
  encodeClientJson,
  encodeClientMsgpack,
  encodeServerJson,
  encodeServerMsgpack,
  SERVER_SCHEMAS,
  type ServerMessage,
} from "./index.ts";
import { clientMessages, serverMessages } from "./testing/arbitrary-messages.ts";

const RUNS = { numRuns: 2000 };
const utf8 = new TextEncoder();
const schemas = { ...CLIENT_SCHEMAS, ...SERVER_SCHEMAS };
const validators: Validator[] = Object.values(schemas).map((schema) => Compile(schema));

describe("a client message", () => {
  it("is the same after either encoding", () => {
    fc.assert(
      fc.property(clientMessages, (message) => {
        expect(decodeClientJson(encodeClientJson(message))).toStrictEqual({ ok: true, message });
        expect(decodeClientJson(utf8.encode(encodeClientJson(message)))).toStrictEqual({ ok: true, message });
        expect(decodeClientMsgpack(encodeClientMsgpack(message))).toStrictEqual({ ok: true, message });
      }),
      RUNS,
    );
  });
});

describe("a server message", () => {
  it("is the same after either encoding", () => {
    fc.assert(
      fc.property(serverMessages, (message) => {
        expect(decodeServerJson(encodeServerJson(message))).toStrictEqual({ ok: true, message });
        expect(decodeServerMsgpack(encodeServerMsgpack(message))).toStrictEqual({ ok: true, message });
      }),
      RUNS,
    );
  });

  it("has the JSON form that its schema promises", () => {
    fc.assert(
      fc.property(serverMessages, (message) => {
        const value: unknown = JSON.parse(encodeServerJson(message));
        expect(validators.some((validator) => validator.Check(value))).toBe(true);
      }),
      RUNS,
    );
  });

  it("has its changes in ascending order, whatever order they came in", () => {
    const changes = [seatChange(20_000, 1), seatChange(0, 2), seatChange(31, 3)];
    const delta: ServerMessage = {
      op: "delta",
      showtime: showtimeId("s"),
      epoch: 1,
      from: 0,
      seq: 2,
      changes,
      checksum: 7,
    };
    const sorted = { ok: true, message: { ...delta, changes: changes.toSorted((a, b) => a - b) } };
    expect(decodeServerJson(encodeServerJson(delta))).toStrictEqual(sorted);
    expect(decodeServerMsgpack(encodeServerMsgpack(delta))).toStrictEqual(sorted);
    expect(changes[0]).toBe(seatChange(20_000, 1));
  });

  it("that could not be read back is not sent", () => {
    const delta = {
      op: "delta",
      showtime: showtimeId("s"),
      epoch: 1,
      from: 0,
      seq: 2,
      changes: [4, 5],
      checksum: 7,
    } as const;
    expect(() => encodeServerMsgpack(delta)).toThrow("seat 1 is in one delta twice");
    expect(() => encodeServerMsgpack({ ...delta, changes: [], from: 3 })).toThrow("-1 cannot travel");
    expect(() => encodeServerMsgpack({ op: "reauth", inMs: 0.5 })).toThrow("0.5 cannot travel");
    const next = encodeServerMsgpack({ op: "reauth", inMs: 1 });
    expect(decodeServerMsgpack(next)).toStrictEqual({ ok: true, message: { op: "reauth", inMs: 1 } });
  });
});

describe("a msgpack frame", () => {
  it("is MessagePack that another library reads", () => {
    fc.assert(
      fc.property(
        fc.oneof(clientMessages.map(encodeClientMsgpack), serverMessages.map(encodeServerMsgpack)),
        (frame) => {
          const fields: unknown = unpack(frame);
          expect(Array.isArray(fields) && typeof fields[0] === "number").toBe(true);
        },
      ),
      RUNS,
    );
  });

  it("stays as it is while others are written", () => {
    fc.assert(
      fc.property(fc.array(serverMessages, { maxLength: 60 }), (messages) => {
        const frames = messages.map(encodeServerMsgpack);
        expect(frames.map((frame) => decodeServerMsgpack(frame))).toStrictEqual(
          messages.map((message) => ({ ok: true, message })),
        );
      }),
      { numRuns: 200 },
    );
  });

  const showtime = showtimeId("premiere-20261121-01");

  it("of a hall of 20,000 seats is 2 bits per seat and little more", () => {
    const statuses = Uint8Array.from({ length: 20_000 }, (_, seat) => (seat * 7) % 4);
    const checksum = checksumOf(statuses);
    const frame = encodeServerMsgpack({
      op: "snapshot",
      showtime,
      epoch: 120_000_000,
      seq: 5_000_000,
      statuses,
      checksum,
    });
    expect(frame.length).toBeLessThanOrEqual(5_100);
  });

  it("of 50 changes spread over such a hall is 2 to 3 bytes per seat", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(19_999), { minLength: 50, maxLength: 50 }), (seats) => {
        const changes = seats.map((seat) => seatChange(seat, 1));
        const [epoch, from, seq, checksum] = [120_000_000, 5_000_000, 5_000_050, 0xffff_ffff];
        const frame = encodeServerMsgpack({ op: "delta", showtime, epoch, from, seq, changes, checksum });
        expect(frame.length).toBeLessThanOrEqual(150);
      }),
      RUNS,
    );
  });

  it("of a hold is smaller than the least that JSON can do", () => {
    const message = { op: "hold", rid: "r1" as RequestId, showtime, seats: [1, 2, 300] } as const; // "r1" is a request id.
    expect(encodeClientMsgpack({ ...message, seats: [...message.seats] }).length).toBe(1 + 1 + 3 + 21 + 1 + 1 + 1 + 3);
    const held = {
      ...message,
      op: "held",
      seats: [1, 2, 300],
      holdId: holdIdOf(showtime, 1),
      expiresInMs: 300_000,
    } as const;
    expect(encodeServerMsgpack({ ...held, seats: [1, 2, 300] }).length).toBeLessThan(45);
  });
});
