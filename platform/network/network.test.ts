import { expect, it } from "vitest";
import { networkOf, urlHost } from "./network.ts";

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:DB8:1:2::", "2001:db8:1:2"],
  ["2001:0db8:0001:0002::6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["::FFFF:0a00:0001", "10.0.0.1"],
  ["Unknown:Proxy", "unknown:proxy"],
])("%s is of the network %s", (address, network) => expect(networkOf(address)).toBe(network));

it.each([
  ["0.0.0.0", "localhost"],
  ["::", "localhost"],
  ["::1", "[::1]"],
  ["127.0.0.1", "127.0.0.1"],
  ["usher.example", "usher.example"],
])("who listens at %s is gone to at %s", (host, named) => expect(urlHost(host)).toBe(named));
