/**
 * Base32 of RFC 4648 in capitals, without padding. All its letters belong to the alphanumeric mode of QR codes, which packs them into
 * 5.5 bits each; byte mode would need 8, and scanners disagree on what its bytes mean. It survives keyboards, logs and URLs.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits & 0x1f) << 8) | byte;
    for (count += 8; count >= 5; count -= 5) text += ALPHABET[(bits >>> (count - 5)) & 0x1f] ?? "";
  }
  return count === 0 ? text : text + (ALPHABET[(bits << (5 - count)) & 0x1f] ?? "");
}

/** @returns undefined unless the text is exactly what `toBase32` makes of some bytes: no other spelling of them is taken */
export function fromBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    bits = ((bits & 0xff) << 5) | value;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = bits >>> count;
  }
  return toBase32(bytes) === text ? bytes : undefined;
}
