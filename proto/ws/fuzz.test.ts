/** Whatever bytes come, a value or a typed refusal comes out; and neither is larger than the bytes can account for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeClientJson,
  decodeClientMsgpack,
  decodeServerJson,
  decodeServerMsgpack,
  encodeClientJson,
  encodeClientMsgpack,
  encodeServerJson,
  encodeServerMsgpack,
  type Decoded,
} from "./index.ts";
import { clientMessages, serverMessages } from "./testing/arbitrary-messages.ts";

const RUNS = { numRuns: 5_000 };
const REASON_MAX = 200;
const utf8 = new TextEncoder();
const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Codec {
  readonly frames: fc.Arbitrary<Uint8Array>;
  readonly decode: (bytes: Uint8Array) => Decoded<object>;
  /** Encodes what `decode` gave, and decodes that. */
  readonly again: (bytes: Uint8Array) => Decoded<object> | undefined;
}

/** What decodes also encodes, to what decodes the same. */
function again<Message>(
  decode: (bytes: Uint8Array) => Decoded<Message>,
  encode: (message: Message) => Uint8Array,
): (bytes: Uint8Array) => Decoded<Message> | undefined {
  return (bytes) => {
    const decoded = decode(bytes);
    return decoded.ok ? decode(encode(decoded.message)) : undefined;
  };
}

const serverJson = (bytes: Uint8Array) => decodeServerJson(asText(bytes));
const CODECS: Readonly<Record<string, Codec>> = {
  "client JSON": {
    frames: clientMessages.map((message) => utf8.encode(encodeClientJson(message))),
    decode: decodeClientJson,
    again: again(decodeClientJson, (message) => utf8.encode(encodeClientJson(message))),
  },
  "client msgpack": {
    frames: clientMessages.map(encodeClientMsgpack),
    decode: decodeClientMsgpack,
    again: again(decodeClientMsgpack, encodeClientMsgpack),
  },
  "server JSON": {
    frames: serverMessages.map((message) => utf8.encode(encodeServerJson(message))),
    decode: serverJson,
    again: again(serverJson, (message) => utf8.encode(encodeServerJson(message))),
  },
  "server msgpack": {
    frames: serverMessages.map(encodeServerMsgpack),
    decode: decodeServerMsgpack,
    again: again(decodeServerMsgpack, encodeServerMsgpack),
  },
};

/** One change of a frame, placed by fractions of its length. */
const mutation = fc.record({
  how: fc.constantFrom("set", "cut", "insert", "remove", "repeat"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(6),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
});

function mutate(
  frame: Uint8Array,
  { how, at, length, bytes }: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
) {
  const place = Math.floor(at * frame.length);
  const [before, after] = [frame.subarray(0, place), frame.subarray(place)];
  const parts = {
    set: [before, bytes, after.subarray(bytes.length)],
    cut: [before],
    insert: [before, bytes, after],
    remove: [before, after.subarray(length)],
    repeat: [before, after.subarray(0, length), after],
  }[how] ?? [frame];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Every element of an answer stands for bytes of the frame: at most four seats (of a snapshot) for one of them. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null
    ? Object.values(value).reduce((sum: number, of) => sum + sizeOf(of), 1)
    : 1;
}
const FIELDS_MAX = 60;

describe.each(Object.entries(CODECS))("any bytes as %s", (_name, codec) => {
  const check = (bytes: Uint8Array): void => {
    const decoded = codec.decode(bytes);
    if (decoded.ok) {
      expect(sizeOf(decoded.message)).toBeLessThanOrEqual(bytes.length * 4 + FIELDS_MAX);
      expect(codec.again(bytes)).toStrictEqual(decoded);
    } else {
      expect(decoded.reason).toMatch(/^\S.*\S$/su);
      expect(decoded.reason.length).toBeLessThanOrEqual(REASON_MAX);
    }
  };

  it("give a value or a reason", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), check), RUNS);
  });

  it("give a value or a reason when they begin as a frame does", () => {
    const begun = fc
      .tuple(fc.integer({ min: 0x90, max: 0x98 }), fc.nat(40), fc.uint8Array({ maxLength: 40 }))
      .map(([array, op, rest]) => Uint8Array.of(array, op, ...rest));
    fc.assert(fc.property(begun, check), RUNS);
  });

  it("give a value or a reason when a frame was changed on its way", () => {
    const changed = fc
      .tuple(codec.frames, fc.array(mutation, { minLength: 1, maxLength: 4 }))
      .map(([frame, mutations]) => mutations.reduce(mutate, frame));
    fc.assert(fc.property(changed, check), RUNS);
  });

  it("give a value or a reason when they are any JSON", () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 4 }).map((text) => utf8.encode(text)),
        check,
      ),
      { numRuns: 2000 },
    );
  });

  it("give a reason when a frame was cut short", () => {
    fc.assert(
      fc.property(codec.frames, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (frame, part) => {
        expect(codec.decode(frame.subarray(0, Math.floor(part * frame.length))).ok).toBe(false);
      }),
      RUNS,
    );
  });
});

describe("a JSON message with a field of another type", () => {
  const fields = [
    "rid",
    "showtime",
    "seats",
    "holdId",
    "epoch",
    "seq",
    "token",
    "best",
    "code",
    "statuses",
    "checksum",
  ];

  it("gives a value or a reason", () => {
    const strange = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(-1, -0, 0.5, 1e300, 2 ** 53, "\ud800", "__proto__"),
    );
    const messages = fc.oneof(
      clientMessages.map(encodeClientJson),
      serverMessages.map((message) => encodeServerJson(message)),
    );
    fc.assert(
      fc.property(messages, fc.constantFrom(...fields), strange, (text, field, value) => {
        const message = JSON.stringify({ ...(JSON.parse(text) as object), [field]: value }); // Encoders write objects.
        for (const decode of [decodeClientJson, decodeServerJson]) {
          const decoded = decode(message);
          if (!decoded.ok) expect(decoded.reason.length).toBeLessThanOrEqual(REASON_MAX);
        }
      }),
      RUNS,
    );
  });
});
