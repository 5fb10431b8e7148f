import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessBus } from "../bus/index.ts";
import { systemClock } from "../clock/index.ts";
import { BusTokenVerifier } from "./bus-token-verifier.ts";
import { REVOCATIONS, SIGNING_KEYS } from "../../proto/services/index.ts";
import { FORGERIES, type Mint, reissued } from "./testing.ts";
import { InvalidToken } from "./token-verifier.ts";

const log = pino({ level: "silent" });
const bus = new InProcessBus({ clock: systemClock, log });
const verifier = new BusTokenVerifier({ bus, clock: systemClock, log });
const { privateKey } = generateKeyPairSync("ed25519");
const now = () => Math.floor(systemClock.now() / 1000);
let mint: Mint;

beforeAll(async () => {
  const { x = "" } = privateKey.export({ format: "jwk" });
  bus.serve(SIGNING_KEYS, (_question, answer) =>
    answer([{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: "k1", x }]),
  );
  bus.serve(REVOCATIONS, (_question, answer) => answer([]));
  await verifier.start();
  const good = await new SignJWT({ role: "customer", fam: "fam_1" })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "k1" })
    .setIssuer("usher")
    .setAudience("usher")
    .setSubject("usr_1")
    .setJti("1")
    .setIssuedAt(now())
    .setExpirationTime(now() + 900)
    .sign(createPrivateKey({ key: privateKey.export({ format: "jwk" }), format: "jwk" }));
  mint = { privateKey, publicKey: { kid: "k1", x }, good, now };
});
afterAll(async () => {
  verifier.stop();
  await bus.close();
});

describe("a token is refused that is, or has", () => {
  it.each(FORGERIES)("%s", async (_what, forge) => {
    await expect(verifier.verify(forge(mint))).rejects.toBeInstanceOf(InvalidToken);
  });

  it("any one character changed", async () => {
    const { good } = mint;
    for (let at = 0; at < good.length; at++) {
      const changed = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
      await expect(verifier.verify(changed), `position ${at}`).rejects.toBeInstanceOf(InvalidToken);
    }
  });
});

it("the token that all of these were made from is good, and so is one made as they are", async () => {
  for (const token of [mint.good, reissued(mint)]) {
    await expect(verifier.verify(token)).resolves.toMatchObject({ userId: "usr_1", role: "customer" });
  }
});
