/**
 * Whether a token is spelled as identity spells its own: three parts of base64url without padding or loose bits, the first two of
 * them JSON without blanks, repeated names or numbers in disguise. So each token has one spelling, and no two parsers can read
 * two things into one (RFC 8725, 2.6 and 3.10).
 */
export function isPlainlySpelled(token: string): boolean {
  const [header, claims, signature, ...more] = token.split(".");
  if (header === undefined || claims === undefined || signature === undefined || more.length > 0) return false;
  return isBase64url(signature) && isJson(header) && isJson(claims);
}

const isBase64url = (part: string): boolean => Buffer.from(part, "base64url").toString("base64url") === part;

function isJson(part: string): boolean {
  const text = Buffer.from(part, "base64url").toString();
  if (Buffer.from(text).toString("base64url") !== part) return false;
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}
