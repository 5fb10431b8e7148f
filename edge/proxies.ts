import { type BlockList, isIP, isIPv4, SocketAddress } from "node:net";
import { blockListOf, familyOf } from "../platform/network/index.ts";

/** The proxies that are believed when they say whose connection they pass on. */
export class Proxies {
  readonly #trusted: BlockList;

  /** @param addresses or networks of them, such as `10.0.0.0/8` */
  constructor(addresses: readonly string[]) {
    this.#trusted = blockListOf(addresses);
  }

  /**
   * Read from the end: each proxy adds whom it was spoken to by, and what stands before the first stranger may be invented.
   * (Not by the PROXY protocol: uWS answers 505 when its header arrives in a packet of its own.)
   * @param peer of the connection, its 4 or 16 bytes; none where it is gone by now
   * @param forwardedFor the values of `X-Forwarded-For`, asked for where the peer is a proxy
   */
  addressOf(peer: ArrayBuffer, forwardedFor: () => readonly string[]): string {
    let address = textOf(peer);
    if (!this.#trusts(address)) return address;
    const said = forwardedFor().flatMap((value) => value.split(","));
    do {
      const before = canonical(said.pop()?.trim() ?? "");
      if (before === undefined) break;
      address = before;
    } while (this.#trusts(address));
    return address;
  }

  #trusts(address: string): boolean {
    return this.#trusted.check(address, familyOf(address));
  }
}

/** As settings have it: IPv4 in dots, also where it came through an IPv6 socket. */
function textOf(address: ArrayBuffer): string {
  const bytes = Buffer.from(address);
  if (bytes.length === 4 || isMapped(bytes)) return bytes.subarray(-4).join(".");
  return canonical(bytes.toString("hex").match(/.{4}/g)?.join(":") ?? "") ?? "::";
}

const isMapped = (bytes: Buffer): boolean =>
  bytes.length === 16 && bytes.readUIntBE(0, 6) === 0 && bytes.readUIntBE(6, 6) === 0xffff;

/** The one way to write the address, or nothing for what is none. */
function canonical(text: string): string | undefined {
  const address = text.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIP(address) === 0) return undefined;
  return isIPv4(address) ? address : new SocketAddress({ family: "ipv6", address }).address;
}
