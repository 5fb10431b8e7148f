import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InProcessBus } from "../bus/index.ts";
import { VirtualClock } from "../clock/index.ts";
import { BusTokenVerifier } from "./bus-token-verifier.ts";
import * as limits from "./limits.ts";
import {
  type PublicKey,
  type Revocation,
  REVOCATIONS,
  REVOCATIONS_PAGE,
  REVOKED,
  SIGNING_KEYS,
  SIGNING_KEYS_CHANGED,
} from "../../proto/services/index.ts";
import { InvalidToken, VerifierUnavailable } from "./token-verifier.ts";

const log = pino({ level: "silent" });

let clock: VirtualClock;
let bus: InProcessBus;
let verifier: BusTokenVerifier;
let keys: PublicKey[];
let revocations: Revocation[];
let asked: number;

beforeEach(() => {
  clock = new VirtualClock();
  bus = new InProcessBus({ clock, log, encode: true });
  verifier = new BusTokenVerifier({ bus, clock, log });
  keys = [];
  revocations = [];
  asked = 0;
});
afterEach(() => {
  verifier.stop();
  return bus.close();
});

function serveIdentity(): void {
  bus.serve(SIGNING_KEYS, (_question, answer) => {
    asked += 1;
    answer(keys);
  });
  bus.serve(REVOCATIONS, (_question, answer) => answer(revocations));
}

async function addKey(kid: string): Promise<CryptoKey> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const { x = "" } = await exportJWK(publicKey);
  keys = [{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid, x }, ...keys];
  return privateKey;
}

const sign = (key: CryptoKey, kid: string, family: string): Promise<string> =>
  new SignJWT({ role: "customer", fam: family })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
    .setIssuer("usher")
    .setAudience("usher")
    .setSubject("usr_1")
    .setJti("1")
    .setIssuedAt(Math.floor(clock.now() / 1000))
    .setExpirationTime(Math.floor(clock.now() / 1000) + 3600)
    .sign(key);

/** Lets virtual time pass until the promise has settled. */
async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const state: { result?: PromiseSettledResult<T> } = {};
  const watched = Promise.allSettled([promise]).then(([result]) => (state.result = result));
  while (state.result === undefined) {
    await clock.settle();
    await new Promise((resolve) => setImmediate(resolve)); // WebCrypto answers in real time.
  }
  return watched;
}

const verdictOf = async (token: string): Promise<unknown> => {
  const result = await settled(verifier.verify(token));
  return result.status === "fulfilled" ? result.value : result.reason;
};

describe("the verifier", () => {
  it("cannot judge before identity has spoken, and can as soon as it has", async () => {
    const token = await sign(await addKey("k1"), "k1", "f1");
    await settled(verifier.start());
    expect(await verdictOf(token)).toBeInstanceOf(VerifierUnavailable);
    serveIdentity();
    expect(await verdictOf(token)).toMatchObject({ userId: "usr_1", role: "customer", family: "f1" });
  });

  it("refuses families revoked before it started, and since; and says so of each once", async () => {
    serveIdentity();
    const key = await addKey("k1");
    const [first, second] = [await sign(key, "k1", "f1"), await sign(key, "k1", "f2")];
    revocations = [{ family: "f1", until: clock.now() + 3_600_000 }];
    const told: string[] = [];
    verifier.onRevoked((family) => told.push(family));
    await settled(verifier.start());
    expect(await verdictOf(first)).toBeInstanceOf(InvalidToken);
    expect(await verdictOf(second)).toMatchObject({ family: "f2" });
    for (let time = 0; time < 2; time++) bus.publish(REVOKED, { family: "f2", until: clock.now() + 3_600_000 });
    await clock.settle();
    expect(await verdictOf(second)).toBeInstanceOf(InvalidToken);
    expect(told).toEqual(["f1", "f2"]);
  });

  it("finds a revocation whose notice was lost when it next reads them all", async () => {
    serveIdentity();
    const token = await sign(await addKey("k1"), "k1", "f1");
    await settled(verifier.start());
    expect(await verdictOf(token)).toMatchObject({ family: "f1" });
    revocations = [{ family: "f1", until: clock.now() + 3_600_000 }];
    const told = new Promise<string>((resolve) => verifier.onRevoked(resolve));
    await clock.advance(limits.RELOAD_EVERY_MS);
    expect(await settled(told)).toMatchObject({ value: "f1" });
    expect(await verdictOf(token)).toBeInstanceOf(InvalidToken);
  });

  it("reads revocations page by page, to the last of them", async () => {
    const key = await addKey("k1");
    const until = clock.now() + 3_600_000;
    const families = Array.from({ length: 2 * REVOCATIONS_PAGE + 1 }, (_, at) => `f${String(at).padStart(6, "0")}`);
    bus.serve(SIGNING_KEYS, (_question, answer) => answer(keys));
    bus.serve(REVOCATIONS, ({ after }, answer) => {
      const page = families.filter((family) => family > after).slice(0, REVOCATIONS_PAGE);
      answer(page.map((family) => ({ family, until })));
    });
    await settled(verifier.start());
    for (const family of [families[0], families[REVOCATIONS_PAGE], families.at(-1)]) {
      expect(await verdictOf(await sign(key, "k1", family ?? ""))).toBeInstanceOf(InvalidToken);
    }
    expect(await verdictOf(await sign(key, "k1", "g"))).toMatchObject({ family: "g" });
  });

  it("takes each page of revocations as it comes", async () => {
    const until = clock.now() + 3_600_000;
    const heard: string[] = [];
    verifier.onRevoked((family) => heard.push(family));
    bus.serve(SIGNING_KEYS, (_question, answer) => answer(keys));
    bus.serve(REVOCATIONS, ({ after }, answer) => {
      const page = Array.from({ length: REVOCATIONS_PAGE }, (_, at) => ({ family: `f${at}`, until }));
      if (after === "") answer(page); // And never says what comes after it.
    });
    const started = verifier.start();
    await clock.settle();
    expect(heard).toHaveLength(REVOCATIONS_PAGE);
    await clock.advance(limits.ASK_TIMEOUT_MS);
    await started;
  });

  it("takes a new key at once, and drops one that is gone with all it had verified", async () => {
    serveIdentity();
    const old = await sign(await addKey("k1"), "k1", "f1");
    await settled(verifier.start());
    expect(await verdictOf(old)).toMatchObject({ family: "f1" });
    const fresh = await sign(await addKey("k2"), "k2", "f2");
    keys = keys.filter(({ kid }) => kid === "k2");
    bus.publish(SIGNING_KEYS_CHANGED, null);
    await clock.settle();
    expect(await verdictOf(fresh)).toMatchObject({ family: "f2" });
    expect(await verdictOf(old)).toBeInstanceOf(InvalidToken);
  });

  it.each<[unknown]>([[[]], [[{}]], [[null]], [1], [null], [{}], [{ replies: [] }], [[{ family: "f1", until: 1 }]]])(
    "keeps the keys it has when %j comes in their place",
    async (garbage) => {
      serveIdentity();
      const key = await addKey("k1");
      const verified = await sign(key, "k1", "f1");
      await settled(verifier.start());
      expect(await verdictOf(verified)).toMatchObject({ family: "f1" });
      keys = garbage as PublicKey[]; // The cast: it is what identity never answers.
      bus.publish(SIGNING_KEYS_CHANGED, null);
      await clock.advance(limits.ASK_TIMEOUT_MS);
      for (const token of [verified, await sign(key, "k1", "f2")])
        expect(await verdictOf(token)).toMatchObject({ userId: "usr_1" });
    },
  );

  it.each<[unknown]>([[1], [null], [{}], [[{}]], [[{ kid: "k1", x: "" }]]])(
    "keeps keys and revocations when %j comes in place of revocations",
    async (garbage) => {
      serveIdentity();
      const key = await addKey("k1");
      revocations = [{ family: "f1", until: clock.now() + 3_600_000 }];
      await settled(verifier.start());
      revocations = garbage as Revocation[]; // The cast: it is what identity never answers.
      await clock.advance(limits.RELOAD_EVERY_MS + limits.ASK_TIMEOUT_MS);
      expect(await verdictOf(await sign(key, "k1", "f1"))).toBeInstanceOf(InvalidToken);
      expect(await verdictOf(await sign(key, "k1", "f2"))).toMatchObject({ family: "f2" });
    },
  );

  it("warns of a list without keys, and of one with a key that is none, and keeps those it has", async () => {
    const lines: string[] = [];
    const plain = new InProcessBus({ clock, log }); // Which looks at no shape.
    const warning = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    verifier = new BusTokenVerifier({ bus: plain, clock, log: warning });
    const key = await addKey("k1");
    plain.serve(SIGNING_KEYS, (_question, answer) => answer(keys));
    plain.serve(REVOCATIONS, (_question, answer) => answer([]));
    await settled(verifier.start());
    const known = keys;
    for (const wrong of [[], known.map((one) => ({ ...one, x: "A" }))]) {
      keys = wrong;
      await clock.advance(limits.RELOAD_EVERY_MS);
      expect(await verdictOf(await sign(key, "k1", "f1"))).toMatchObject({ family: "f1" });
    }
    expect(lines).toHaveLength(2);
    await plain.close();
  });

  it("remembers nobody whose key went while the token was looked at", async () => {
    serveIdentity();
    const old = await addKey("k1");
    const tokens = await Promise.all(Array.from({ length: 200 }, (_, at) => sign(old, "k1", `f${at}`)));
    await settled(verifier.start());
    await addKey("k2");
    keys = keys.filter(({ kid }) => kid === "k2");
    const looked = tokens.map((token, at) => {
      if (at === tokens.length / 2) bus.publish(SIGNING_KEYS_CHANGED, null);
      return verdictOf(token);
    });
    await settled(Promise.all(looked));
    await clock.settle();
    for (const token of tokens) expect(await verdictOf(token)).toBeInstanceOf(InvalidToken);
  });

  it("does not let forgers keep it asking for keys", async () => {
    serveIdentity();
    const key = await addKey("k1");
    await settled(verifier.start());
    await clock.advance(limits.KEYS_ASKED_EVERY_MS);
    const before = asked;
    for (let forged = 0; forged < 50; forged++) {
      expect(await verdictOf(await sign(key, `unknown-${forged}`, "f1"))).toBeInstanceOf(InvalidToken);
    }
    expect(asked).toBe(before + 1);
  });
});
