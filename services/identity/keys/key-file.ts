import { join } from "node:path";
import { type Static, Type } from "typebox";
import { secretJson } from "../../../platform/secret-file/index.ts";

const KeyPair = Type.Object({
  kid: Type.String(),
  /** Ed25519, as in RFC 8037: public and private half, base64url. */
  x: Type.String(),
  d: Type.String(),
  createdAt: Type.String(),
  /** When the next key was made, which takes its place soon after; its tokens are good until they run out. */
  retiredAt: Type.Optional(Type.String()),
});
export type KeyPair = Static<typeof KeyPair>;

const Contents = Type.Object({
  version: Type.Literal(1),
  /** Authenticates refresh tokens, base64url. */
  refreshSecret: Type.String(),
  /** The newest first: it signs as soon as every process knows it. */
  keys: Type.Array(KeyPair, { minItems: 1 }),
});
export type KeyFileContents = Static<typeof Contents>;

/** Without it nobody is signed in: it is never made anew where it does not read, or while it is in use. */
export const keyFile = (dataDir: string) =>
  secretJson({ path: join(dataDir, "keys", "identity.json"), schema: Contents, ifLost: "which signs everybody out" });
