import { join } from "node:path";
import { type Static, Type } from "typebox";
import { secretJson } from "../../../platform/secret-file/index.ts";

const StoredKey = Type.Object({
  /** The first bytes of the public key's SHA-256, in hexadecimal. */
  kid: Type.String({ pattern: "^[0-9a-f]{8}$" }),
  /** Ed25519, as in RFC 8037: public and private half, base64url. */
  x: Type.String(),
  d: Type.String(),
  createdAt: Type.String(),
  /** When the next key took its place; its tickets stay good. */
  retiredAt: Type.Optional(Type.String()),
});
export type StoredKey = Static<typeof StoredKey>;

const Contents = Type.Object({
  version: Type.Literal(1),
  /** The newest first: it signs. */
  keys: Type.Array(StoredKey, { minItems: 1 }),
});
export type KeyFileContents = Static<typeof Contents>;

/** A new key in its place would void every ticket sold: it is never made anew where it does not read, or while it is in use. */
export const keyFile = (dataDir: string) =>
  secretJson({
    path: join(dataDir, "keys", "tickets.json"),
    schema: Contents,
    ifLost: "which voids every ticket's code",
  });
