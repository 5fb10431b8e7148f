import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { readPlain } from "./plain-reader.ts";

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

describe("plain MessagePack", () => {
  it("is read as msgpackr wrote it", () => {
    const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger());
    const leaf = fc.oneof(fc.constant(null), fc.boolean(), number, fc.string({ unit: "binary", maxLength: 300 }));
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small", maxDepth: 6 },
        leaf,
        fc.array(tie("any")),
        fc.dictionary(fc.string(), tie("any")),
      ),
    })).any;
    fc.assert(
      fc.property(value, (written) => {
        fc.pre(!JSON.stringify(written).includes("__proto__"));
        expect(readPlain(packr.pack(written))).toEqual(packr.unpack(packr.pack(written)));
      }),
    );
  });

  it.each<[string, number[]]>([
    ["nothing", []],
    ["what follows it", [0xc0, 0xc0]],
    ["an array that ends too early", [0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ["a map that ends too early", [0xdf, 0x7f, 0xff, 0xff, 0xff]],
    ["a text that ends too early", [0xdb, 0x7f, 0xff, 0xff, 0xff, 0x41]],
    ["a number that ends too early", [0xcb, 0, 0]],
    ["text that is no UTF-8", [0xa1, 0xff]],
    ["a key that is no text", [0x81, 0x01, 0x01]],
    ["a prototype", [0x81, 0xa9, ...Buffer.from("__proto__"), 0x80]],
    ["bytes", [0xc4, 0x01, 0x00]],
    ["an extension", [0xd4, 0x00, 0x00]],
    ["arrays in arrays without end", Array<number>(100_000).fill(0x91)],
  ])("is not %s", (_, bytes) => expect(() => readPlain(Uint8Array.from(bytes))).toThrow(TypeError));
});
