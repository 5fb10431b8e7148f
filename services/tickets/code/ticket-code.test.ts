import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { KEYS_KEPT_MS, KEYS_READ_AGAIN_AFTER_MS } from "../limits.ts";
import { fromBase32, toBase32 } from "./base32.ts";
import { rotateTicketKeys, TicketKeyRing } from "./key-ring.ts";
import { readTicketCode, type TicketCode, ticketIdOf, writeTicketCode } from "./ticket-code.ts";

let options: ConstructorParameters<typeof TicketKeyRing>[0];
let clock: VirtualClock;
let warnings: string[];

beforeEach(() => {
  clock = new VirtualClock();
  warnings = [];
  const log = pino({ level: "warn" }, { write: (line) => void warnings.push(line) });
  options = { dataDir: mkdtempSync(join(tmpdir(), "usher-ticket-keys-")), clock, random: systemRandom, log };
});
afterEach(() => rmSync(options.dataDir, { recursive: true, force: true }));

const code: TicketCode = {
  ticketId: ticketIdOf(Buffer.from("000102030405060708090a0b0c0d0e0f", "hex")),
  showtimeId: "st_premiere",
  seat: 479,
  validFrom: Date.parse("2027-01-15T15:00:00Z"),
  validUntil: Date.parse("2027-01-15T22:00:00Z"),
  generation: 3,
};

const anyCode: fc.Arbitrary<TicketCode> = fc
  .record({
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    showtimeId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    seat: fc.nat(65_535),
    from: fc.nat(2 ** 32 - 1),
    until: fc.nat(2 ** 32 - 1),
    generation: fc.nat(65_535),
  })
  .map(({ id, from, until, ...rest }) => ({
    ...rest,
    ticketId: ticketIdOf(id),
    validFrom: from * 1000,
    validUntil: until * 1000,
  }));

describe("a ticket's code", () => {
  it("says what was written, whatever that is", () => {
    const keys = new TicketKeyRing(options);
    fc.assert(
      fc.property(anyCode, (each) => {
        expect(readTicketCode(writeTicketCode(each, keys), keys)).toEqual(each);
      }),
      { numRuns: 300 },
    );
  });

  it("is the same every time, short, and made of letters that QR codes pack well", () => {
    const keys = new TicketKeyRing(options);
    const text = writeTicketCode(code, keys);
    expect(writeTicketCode(code, new TicketKeyRing(options))).toBe(text);
    expect(text).toMatch(/^[A-Z2-7]{175}$/);
  });

  it("is refused with any one of its bits changed", () => {
    const keys = new TicketKeyRing(options);
    const bytes = Buffer.from(fromBase32(writeTicketCode(code, keys))!);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >>> 3]! ^= 1 << (bit & 7);
      expect(readTicketCode(toBase32(changed), keys), `bit ${bit}`).toBeUndefined();
    }
  });

  it("is refused with any one of its characters changed to any other, left out, doubled, or one put in", () => {
    const keys = new TicketKeyRing(options);
    const text = writeTicketCode(code, keys);
    const others = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 $%*+-./:=\n\0Äé１😀"];
    const accepted: string[] = [];
    const attempt = (changed: string, how: string): void => {
      if (changed !== text && readTicketCode(changed, keys) !== undefined) accepted.push(how);
    };
    for (let at = 0; at <= text.length; at++) {
      const [before, after] = [text.slice(0, at), text.slice(at + 1)];
      attempt(before + after, `without ${at}`);
      attempt(before + text.slice(at, at + 1) + text.slice(at), `${at} doubled`);
      for (const other of others) {
        attempt(before + other + after, `${JSON.stringify(other)} at ${at}`);
        attempt(before + other + text.slice(at), `${JSON.stringify(other)} put in at ${at}`);
      }
    }
    attempt(text.toLowerCase(), "in small letters");
    attempt(` ${text}`, "after a blank");
    attempt(`${text}======`, "padded");
    expect(accepted).toEqual([]);
  });

  it("is refused with a tail that Base32 would ignore, at every length", () => {
    const keys = new TicketKeyRing(options);
    for (let length = 1; length <= 10; length++) {
      const text = writeTicketCode({ ...code, showtimeId: "s".repeat(length) }, keys);
      const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
      const spellings = [...last].filter((letter) => readTicketCode(text.slice(0, -1) + letter, keys) !== undefined);
      expect(spellings, `${length}`).toEqual([text.at(-1)]);
    }
  });

  it("is refused when somebody else signed it, or when the signature is that of other bytes", () => {
    const keys = new TicketKeyRing(options);
    const bytes = Buffer.from(fromBase32(writeTicketCode(code, keys))!);
    const content = bytes.subarray(0, -64);
    const { privateKey } = generateKeyPairSync("ed25519");
    expect(readTicketCode(toBase32(Buffer.concat([content, sign(null, content, privateKey)])), keys)).toBeUndefined();
    const other = fromBase32(writeTicketCode({ ...code, seat: 480 }, keys))!;
    expect(readTicketCode(toBase32(Buffer.concat([content, other.subarray(-64)])), keys)).toBeUndefined();
    expect(readTicketCode(toBase32(Buffer.concat([content, Buffer.alloc(64)])), keys)).toBeUndefined();
  });

  it("is refused with a signature that was made larger by the order of the curve", () => {
    const keys = new TicketKeyRing(options);
    const bytes = Buffer.from(fromBase32(writeTicketCode(code, keys))!);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(bytes.subarray(-32)).reverse().toString("hex")}`) + order;
    const larger = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
    expect(readTicketCode(toBase32(Buffer.concat([bytes.subarray(0, -32), larger])), keys)).toBeUndefined();
  });

  it("survives ten thousand hostile texts", () => {
    const keys = new TicketKeyRing(options);
    const text = writeTicketCode(code, keys);
    const seed = Date.now();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 400, unit: "binary" }),
          fc.stringMatching(/^[A-Z2-7]{0,300}$/),
          fc.tuple(fc.nat(text.length), fc.string({ maxLength: 20 })).map(([at, put]) => text.slice(0, at) + put),
        ),
        (hostile) => hostile === text || readTicketCode(hostile, keys) === undefined,
      ),
      { numRuns: 10_000, seed },
    );
  });

  it("can be verified with nothing but what is published, as the file says", () => {
    const keys = new TicketKeyRing(options);
    const text = writeTicketCode(code, keys);
    const bytes = Buffer.from(fromBase32(text)!);
    const published = keys.publicKeys.find(({ kid }) => kid === bytes.toString("hex", 1, 5))!;
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: published.x }, format: "jwk" });
    expect(verify(null, bytes.subarray(0, -64), key, bytes.subarray(-64))).toBe(true);
    expect(bytes[0]).toBe(1);
    expect(bytes.toString("base64url", 5, 21)).toBe(code.ticketId.slice(3));
    expect(bytes.toString("latin1", 22, 22 + bytes[21]!)).toBe("st_premiere");
    expect([bytes.readUInt16BE(33), bytes.readUInt32BE(35), bytes.readUInt32BE(39), bytes.readUInt16BE(43)]).toEqual([
      479,
      code.validFrom / 1000,
      code.validUntil / 1000,
      3,
    ]);
  });
});

describe("the tickets' keys", () => {
  it("are shared by processes that start at once, and readable by their owner alone", () => {
    const rings = Array.from({ length: 5 }, () => new TicketKeyRing(options));
    expect(new Set(rings.map(({ signingKid }) => signingKid)).size).toBe(1);
    expect(readdirSync(join(options.dataDir, "keys"))).toEqual(["tickets.json"]);
    expect(statSync(join(options.dataDir, "keys", "tickets.json")).mode & 0o777).toBe(0o600);
  });

  it("can be rotated: codes from before stay good, and other processes notice by themselves", () => {
    const [here, there] = [new TicketKeyRing(options), new TicketKeyRing(options)];
    const old = writeTicketCode(code, here);
    const kid = rotateTicketKeys(options);
    here.reload();
    expect(here.publicKeys.map((key) => key.kid)).toEqual([kid, there.signingKid]);
    const fresh = writeTicketCode(code, here);
    expect(fresh).not.toBe(old);
    expect([readTicketCode(old, here), readTicketCode(fresh, here)]).toEqual([code, code]);
  });

  it("are looked at again for a code with a key that is not known, but not for each", async () => {
    const [here, there] = [new TicketKeyRing(options), new TicketKeyRing(options)];
    rotateTicketKeys(options);
    here.reload();
    const fresh = writeTicketCode(code, here);
    expect(readTicketCode(fresh, there)).toBeUndefined();
    await clock.advance(1_001);
    expect(readTicketCode(fresh, there)).toEqual(code);
  });

  it("are forgotten long after their last ticket", async () => {
    const first = new TicketKeyRing(options).signingKid;
    const second = rotateTicketKeys(options);
    clock.setForward(KEYS_KEPT_MS + 1);
    const third = rotateTicketKeys(options);
    const kept = new TicketKeyRing(options).publicKeys.map(({ kid }) => kid);
    expect(kept).toEqual([third, second]);
    expect(kept).not.toContain(first);
  });

  it.each([
    ["gone", (path: string) => rmSync(dirname(path), { recursive: true }), "is gone"],
    ["damaged", (path: string) => writeFileSync(path, "{"), "is damaged or of a newer version"],
  ])(
    "stay in use while their file is %s, and a code with another key is no more than forged",
    async (_what, spoil, why) => {
      const elsewhere = mkdtempSync(join(options.dataDir, "elsewhere-"));
      const forged = writeTicketCode(code, new TicketKeyRing({ ...options, dataDir: elsewhere }));
      const keys = new TicketKeyRing(options);
      const good = writeTicketCode(code, keys);
      const path = join(options.dataDir, "keys", "tickets.json");
      spoil(path);
      const spoilt = existsSync(path) && readFileSync(path, "utf8");
      keys.reload();
      await clock.advance(KEYS_READ_AGAIN_AFTER_MS);
      for (let time = 0; time < 3; time++) expect(readTicketCode(forged, keys)).toBeUndefined();
      expect(writeTicketCode(code, keys)).toBe(good);
      expect(readTicketCode(good, keys)).toEqual(code);
      expect(existsSync(path) && readFileSync(path, "utf8")).toBe(spoilt);
      expect(warnings).toEqual([expect.stringContaining(why), expect.stringContaining(why)]); // Once for a reload, once for all three.
    },
  );

  it.each(["", "{", "[]", '{"version":2,"keys":[]}', '{"version":1,"keys":[]}'])(
    "are not written over when their file holds %j",
    (text) => {
      new TicketKeyRing(options);
      const path = join(options.dataDir, "keys", "tickets.json");
      writeFileSync(path, text);
      expect(() => new TicketKeyRing(options)).toThrow("is damaged or of a newer version");
      expect(existsSync(path) && readFileSync(path, "utf8")).toBe(text);
    },
  );
});
