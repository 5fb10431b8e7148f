import { expect, it } from "vitest";
import { clientOf } from "./client-address.ts";

it.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:0a00:0001", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
  ["2001:0DB8:0001:0002::9", "2001:db8:1:2::"],
  ["2001:db8::1", "2001:db8:0:0::"],
  ["::1", "0:0:0:0::"],
  ["fe80::1%eth0", "fe80:0:0:0::"],
  ["Unknown:Proxy", "unknown:proxy"],
])("the requests of %s are counted for %s", (address, client) => {
  expect(clientOf(address)).toBe(client);
});
