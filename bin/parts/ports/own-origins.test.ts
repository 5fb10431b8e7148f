import { hostname, networkInterfaces } from "node:os";
import { expect, it } from "vitest";
import { ownOrigins } from "./own-origins.ts";

it("are those of this machine alone and of HOST", () => {
  expect(ownOrigins("http", "192.0.2.7", 8080)).toEqual([
    "http://192.0.2.7:8080",
    "http://localhost:8080",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
  ]);
  expect(ownOrigins("https", "Usher.example", 8443)).toContain("https://usher.example:8443");
});

it("are without the scheme's own port, as browsers send them", () => {
  expect(ownOrigins("http", "127.0.0.1", 80)).toEqual(["http://127.0.0.1", "http://localhost", "http://[::1]"]);
  expect(ownOrigins("https", "::1", 443)).toEqual(["https://[::1]", "https://localhost", "https://127.0.0.1"]);
  expect(ownOrigins("http", "localhost", 443)).toContain("http://localhost:443");
});

it.each(["0.0.0.0", "::"])("are all addresses of this machine and its name, where HOST is %s", (host) => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const names = addresses.map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address));
  const wanted = [...names, "localhost", hostname().toLowerCase()].map((name) => `http://${name}:8080`);
  expect(ownOrigins("http", host, 8080)).toEqual(expect.arrayContaining(wanted));
});

it("leave out what no page is reached by", () => {
  expect(ownOrigins("http", "fe80::1%eth0", 80)).toEqual(["http://localhost", "http://127.0.0.1", "http://[::1]"]);
});
