import { createHmac, timingSafeEqual } from "node:crypto";

/** The `generation`-th refresh token of a family; each is good for one use, which makes the next. */
export interface RefreshToken {
  readonly family: string;
  readonly generation: number;
}

const FORM = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/;

/**
 * `<family>.<generation>.<mac>`. The code is made with a secret that is not in the database, so that whoever reads the
 * database can forge none; and made again rather than stored, so that a lost reply can be repeated to the letter.
 */
export const formatRefreshToken = (token: RefreshToken, secret: Buffer): string =>
  `${token.family}.${token.generation}.${macOf(token, secret)}`;

/** The token, or undefined when it is none of ours. Whether it is still good is the family's to say. */
export function parseRefreshToken(text: string, secret: Buffer): RefreshToken | undefined {
  const [, family, digits, code] = FORM.exec(text) ?? [];
  if (family === undefined || digits === undefined || code === undefined) return undefined;
  const token = { family, generation: Number(digits) };
  // The texts are compared, not the bytes: the last character of base64url has bits that a decoder ignores.
  return timingSafeEqual(Buffer.from(code), Buffer.from(macOf(token, secret))) ? token : undefined;
}

/** 43 characters. */
const macOf = ({ family, generation }: RefreshToken, secret: Buffer): string =>
  createHmac("sha256", secret).update(`refresh ${family}.${generation}`).digest("base64url");
