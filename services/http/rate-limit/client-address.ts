import { isIPv6 } from "node:net";

const MAPPED = "::ffff:";
/** Of 16 bits each: whoever has one IPv6 address has the 2^64 others of its network as well. */
const NETWORK_GROUPS = 4;

/** Whom an address's requests are counted for: an IPv4 address, however it is written, or the /64 network of an IPv6 address. */
export function clientOf(address: string): string {
  if (!address.includes(":")) return address.toLowerCase();
  if (address.startsWith(MAPPED) && address.includes(".")) return address.slice(MAPPED.length);
  const [plain = ""] = address.split("%", 1); // Without its zone, which says how we reach it.
  if (!isIPv6(plain)) return address.toLowerCase();
  const groups = groupsOf(plain);
  const [high = 0, low = 0] = groups.slice(-2);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xff_ff)
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  return `${groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(":")}::`;
}

/** Eight numbers; the address in its canonical form is what a URL has for its host (RFC 5952). */
function groupsOf(address: string): number[] {
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [before, after] = [head, tail ?? ""].map((text) => text.split(":").filter(Boolean));
  const known = [...(before ?? []), ...(after ?? [])].length;
  return [...(before ?? []), ...Array.from({ length: 8 - known }, () => "0"), ...(after ?? [])].map((group) =>
    Number.parseInt(group, 16),
  );
}
