/**
 * The text in a ticket's QR code. It can be verified without a network by whoever has the published keys:
 *
 * 1. Fetch `/.well-known/ticket-keys.json` beforehand: `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1f2e3d4c","x":"...", ...}]}`, `x` being
 *    the 32 bytes of the public key in base64url (RFC 8037).
 * 2. Decode the text from Base32 (RFC 4648, capitals, no padding). Encode the bytes again and demand the very same text, so that there
 *    is one spelling only.
 * 3. The last 64 bytes are the Ed25519 signature (RFC 8032) of all bytes before them, by the key that bytes 1 to 4 name.
 *
 * | bytes | what (numbers big-endian) |
 * | --- | --- |
 * | 1 | version, 1 |
 * | 4 | key id, `kid` in hexadecimal |
 * | 16 | ticket id, `tk_` and these bytes in base64url |
 * | 1 + n | length and ASCII of the showtime's id |
 * | 2 | seat, its index in the layout |
 * | 4 | good from, seconds since 1970 (UTC), inclusive |
 * | 4 | good until, exclusive |
 * | 2 | generation: a re-issued ticket has a higher one, and of those seen of a ticket only the highest is good |
 * | 64 | signature |
 *
 * Offline nobody knows who was let in elsewhere, or what was cancelled since; `POST /tickets/check-in` does.
 */
import { isPlainId } from "../../../proto/index.ts";
import { fromBase32, toBase32 } from "./base32.ts";
import { KEY_ID_BYTES, SIGNATURE_BYTES, type TicketKeyRing } from "./key-ring.ts";

export interface TicketCode {
  readonly ticketId: string;
  readonly showtimeId: string;
  readonly seat: number;
  /** Milliseconds since 1970; the code holds whole seconds. */
  readonly validFrom: number;
  readonly validUntil: number;
  readonly generation: number;
}

const TICKET_ID_BYTES = 16;

const VERSION = 1;
const TICKET_ID = /^tk_([A-Za-z0-9_-]{22})$/;
const FIXED_BYTES = 1 + KEY_ID_BYTES + TICKET_ID_BYTES + 1 + 2 + 4 + 4 + 2;
/** Length of the longest text there can be: a showtime's id has at most 64 characters. */
const TEXT_LENGTH_MAX = Math.ceil(((FIXED_BYTES + 64 + SIGNATURE_BYTES) * 8) / 5);

export const ticketIdOf = (bytes: Uint8Array): string => `tk_${Buffer.from(bytes).toString("base64url")}`;

/** The same ticket and key give the same text every time: Ed25519 signatures have nothing random. */
export function writeTicketCode(code: TicketCode, keys: Pick<TicketKeyRing, "signingKid" | "sign">): string {
  const id = TICKET_ID.exec(code.ticketId)?.[1];
  if (id === undefined || !isPlainId(code.showtimeId)) throw new TypeError(`not a ticket of ours: ${code.ticketId}`);
  const bytes = Buffer.alloc(FIXED_BYTES + code.showtimeId.length);
  let at = bytes.writeUInt8(VERSION);
  at += bytes.write(keys.signingKid, at, "hex");
  at += bytes.write(id, at, "base64url");
  at = bytes.writeUInt8(code.showtimeId.length, at);
  at += bytes.write(code.showtimeId, at, "latin1");
  at = bytes.writeUInt16BE(code.seat, at);
  at = bytes.writeUInt32BE(Math.floor(code.validFrom / 1000), at);
  at = bytes.writeUInt32BE(Math.ceil(code.validUntil / 1000), at);
  bytes.writeUInt16BE(code.generation, at);
  return toBase32(Buffer.concat([bytes, keys.sign(bytes)]));
}

/** @returns undefined unless the text was signed, to the letter, by one of the keys */
export function readTicketCode(text: string, keys: Pick<TicketKeyRing, "verify">): TicketCode | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const whole = fromBase32(text);
  if (whole === undefined || whole.length <= FIXED_BYTES + SIGNATURE_BYTES) return undefined;
  const bytes = Buffer.from(whole.subarray(0, -SIGNATURE_BYTES));
  if (bytes[0] !== VERSION) return undefined;
  const kid = bytes.toString("hex", 1, 1 + KEY_ID_BYTES);
  if (!keys.verify(kid, bytes, whole.subarray(-SIGNATURE_BYTES))) return undefined;
  // From here on every byte is as we have written it.
  const idAt = 1 + KEY_ID_BYTES;
  const showtimeAt = idAt + TICKET_ID_BYTES + 1;
  const seatAt = showtimeAt + bytes.readUInt8(showtimeAt - 1);
  return {
    ticketId: ticketIdOf(bytes.subarray(idAt, idAt + TICKET_ID_BYTES)),
    showtimeId: bytes.toString("latin1", showtimeAt, seatAt),
    seat: bytes.readUInt16BE(seatAt),
    validFrom: bytes.readUInt32BE(seatAt + 2) * 1000,
    validUntil: bytes.readUInt32BE(seatAt + 6) * 1000,
    generation: bytes.readUInt16BE(seatAt + 10),
  };
}
