import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, CorruptBytes } from "./bytes.ts";

const written = (write: (out: ByteWriter) => void): ByteReader => {
  const out = new ByteWriter(1);
  write(out);
  return new ByteReader(out.finish());
};

describe("what is written is read", () => {
  test("unsigned integers up to 2^53 - 1", () => {
    const edges = [0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 52, Number.MAX_SAFE_INTEGER];
    for (const value of edges) expect(written((out) => out.uint(value)).uint()).toBe(value);
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(written((out) => out.uint(value)).uint()).toBe(value);
      }),
    );
    for (const value of [-1, 1.5, 2 ** 53, Number.NaN, Infinity])
      expect(() => new ByteWriter().uint(value)).toThrow(RangeError);
  });

  test("signed integers, strings, floats and bytes", () => {
    const int = fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 });
    fc.assert(
      fc.property(
        int,
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.double(),
        fc.uint8Array(),
        (whole, text, float, bytes) => {
          const reader = written((out) => {
            out.int(whole);
            out.string(text);
            out.float(float);
            out.bytes(bytes);
          });
          expect([reader.int(), reader.string(), reader.float(), reader.bytes()]).toEqual([whole, text, float, bytes]);
          reader.end();
        },
      ),
    );
  });

  test("a text that begins with a byte order mark, which is a character as any other", () => {
    for (const text of ["\uFEFFr1", "\uFEFF", "r\uFEFF1"])
      expect(written((out) => out.string(text)).string()).toBe(text);
  });
});

test("whatever bytes come, a value or a clear error comes out, and nothing larger than the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const read of ["uint", "int", "float", "string", "bytes", "count"] as const) {
        try {
          new ByteReader(bytes)[read]();
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptBytes);
        }
      }
    }),
  );
  expect(() => new ByteReader(Uint8Array.of(0x80, 0)).uint()).toThrow("malformed");
  expect(() => new ByteReader(Uint8Array.of(255, 255, 255, 255, 15)).count(8)).toThrow("cannot follow");
});
