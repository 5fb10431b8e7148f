import { isIP, isIPv6 } from "node:net";
import { blockListOf, familyOf } from "./block-list.ts";

const MAPPED = "::ffff:";
/** Groups of 16 bits: whoever has one IPv6 address has the 2^64 others of its network as well. */
const NETWORK_GROUPS = 4;

/**
 * The part of an IP address that one customer of a provider has to himself, to count by: an IPv4 address, however it is written
 * (RFC 4291, 2.5.5.2), or the first 64 bits of an IPv6 address. What is no address stays what it is.
 */
export function networkOf(address: string): string {
  const text = address.toLowerCase();
  if (!text.includes(":")) return text;
  if (text.startsWith(MAPPED) && text.includes(".")) return text.slice(MAPPED.length);
  const [plain = ""] = text.split("%", 1); // Without its zone, which says how we reach it.
  if (!isIPv6(plain)) return text;
  const groups = groupsOf(plain);
  const [high = 0, low = 0] = groups.slice(-2);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(":");
}

/** Eight numbers; a URL has the address in its canonical form for its host (RFC 5952). */
function groupsOf(address: string): number[] {
  const halves = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [before = [], after = []] = halves.map((half) => half.split(":").filter(Boolean));
  const between = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...between, ...after].map((group) => Number.parseInt(group, 16));
}

const LOOPBACK = blockListOf(["127.0.0.0/8", "::1"]);

/** Whether who listens at `host`, an address or a name, is reached from its own machine alone. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || (isIP(host) !== 0 && LOOPBACK.check(host, familyOf(host)));

/** Whether who listens at `host` does so at all addresses of the machine. */
export const isEverywhere = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** `host` as URLs have it: an address to listen at everywhere is none to go to. */
export function urlHost(host: string): string {
  if (isEverywhere(host)) return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
