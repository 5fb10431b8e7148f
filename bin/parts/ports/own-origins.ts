import { hostname, networkInterfaces } from "node:os";
import { isEverywhere, urlHost } from "../../../platform/network/index.ts";

/**
 * Origins of the page that is served at `port` of HOST, by whichever name it is reached: where HOST is all addresses of this machine, by each
 * that it has now, and by its name.
 */
export function ownOrigins(scheme: "http" | "https", host: string, port: number): string[] {
  const names = [urlHost(host), "localhost", "127.0.0.1", "[::1]"];
  if (isEverywhere(host)) {
    const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    // Some browsers go to all addresses too.
    names.push("0.0.0.0", "[::]", hostname(), ...addresses.map(({ address }) => urlHost(address)));
  }
  const urls = names.map((name) => `${scheme}://${name}:${port}`).filter((url) => URL.canParse(url));
  return [...new Set(urls.map((url) => new URL(url).origin))]; // As browsers write it: without the scheme's own port.
}
