import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../../platform/clock/index.ts";
import { blockListOf, familyOf } from "../../../platform/network/index.ts";

/** An address that webhooks may not go to. The message is for whoever registered it. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const resolveBySystem: Resolve = (host) => lookup(host, { all: true, verbatim: true });

/**
 * Keeps webhooks away from what only this machine or its network can reach (server-side request forgery, OWASP). The name is
 * looked up once, and the connection goes to the very addresses that were judged: a name that changes its mind in between
 * (DNS rebinding) gains nothing.
 */
export class AddressGuard {
  readonly #allowPrivate: boolean;
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  /** By host: those under way, and those that failed lately. */
  readonly #lookUps = new Map<string, Promise<readonly LookupAddress[]>>();

  /** @param options.allowPrivate lets private and loopback addresses pass, for them even without TLS; never link-local ones */
  constructor(options: { allowPrivate: boolean; resolve?: Resolve; clock: Clock }) {
    this.#allowPrivate = options.allowPrivate;
    this.#clock = options.clock;
    this.#resolve = options.resolve ?? resolveBySystem;
  }

  /** @returns every address of the URL's host. @throws AddressRefused, or what the look-up throws */
  async addressesOf(url: URL): Promise<readonly LookupAddress[]> {
    if (!this.#allowPrivate) requireTls(url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const family = isIP(host);
    const addresses = family === 0 ? await this.#lookUp(host) : [{ address: host, family }];
    for (const { address } of addresses) this.#judge(url, host, address);
    return addresses;
  }

  /**
   * A look-up of the system's cannot be given up, and those of a process have two threads: all who want a host share one look-up, lest
   * a name server that is silent holds up those of PostgreSQL too. A failure stands for as long as it took.
   */
  #lookUp(host: string): Promise<readonly LookupAddress[]> {
    const known = this.#lookUps.get(host);
    if (known !== undefined) return known;
    const begunAt = this.#clock.monotonic();
    const lookUp = this.#resolve(host);
    this.#lookUps.set(host, lookUp);
    const forget = () => void this.#lookUps.delete(host);
    lookUp.then(forget, () => this.#clock.after(this.#clock.monotonic() - begunAt, forget));
    return lookUp;
  }

  #judge(url: URL, host: string, address: string): void {
    const kind = kindOf(address);
    if (kind === "special" || (kind === "private" && !this.#allowPrivate)) {
      throw new AddressRefused(`${host} is at an address that is not on the public Internet.`);
    }
    if (kind === "public") requireTls(url);
  }
}

function requireTls(url: URL): void {
  if (url.protocol !== "https:") throw new AddressRefused("The address must begin with https.");
}

type Kind = "public" | "private" | "special";

function kindOf(address: string): Kind {
  const family = familyOf(address);
  if (SPECIAL.check(address, family)) return "special";
  if (PRIVATE.check(address, family)) return "private";
  return family === "ipv4" || GLOBAL_V6.check(address, "ipv6") ? "public" : "special";
}

/** Loopback and private use (RFC 1918, RFC 6598, RFC 4193). */
const PRIVATE = blockListOf([
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "::1",
  "fc00::/7",
]);

/** Never: what no integrator can be at (IANA's special-purpose registries), and where clouds keep their secrets. */
const SPECIAL = blockListOf([
  "0.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "100.100.100.200",
  "168.63.129.16",
  "fd00:ec2::254",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
]);

/** Outside it is no host of the Internet: also IPv4 addresses in IPv6 clothes. */
const GLOBAL_V6 = blockListOf(["2000::/3"]);
