import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { Proxies } from "./proxies.ts";
import { useHarness } from "./testing/harness.ts";

/** The tests' own connections come from 127.0.0.1. */
const trusting = useHarness({ connectionsPerAddress: 1, trustedProxies: ["10.1.0.0/16", "127.0.0.0/30"] });
const doubting = useHarness({ connectionsPerAddress: 1, trustedProxies: ["10.1.0.0/16", "127.0.0.4/30"] });

/** The first words on a WebSocket that a proxy opens for somebody. */
async function firstWords(port: number, ...forwardedFor: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write(
    "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      forwardedFor.map((value) => `X-Forwarded-For: ${value}\r\n`).join("") +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  let words = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    words += String(chunk);
    const after = words.split("\r\n\r\n")[1] ?? "";
    if (after.length > 2) return after;
  }
  return words;
}

it("a proxy of a trusted network is believed when it says whose connection it is", async () => {
  expect(await firstWords(trusting.edge.port, "192.0.2.1")).toContain("welcome");
  expect(await firstWords(trusting.edge.port, "192.0.2.2")).toContain("welcome");
  expect(await firstWords(trusting.edge.port, "192.0.2.1")).not.toContain("welcome");
});

it("what stands before the first stranger is nobody's word", async () => {
  expect(await firstWords(trusting.edge.port, "192.0.2.8", "192.0.2.3, 10.1.2.3")).toContain("welcome");
  expect(await firstWords(trusting.edge.port, "192.0.2.9", "192.0.2.3, 10.1.2.3")).not.toContain("welcome");
});

it("of IPv6 a customer's network counts as one", async () => {
  expect(await firstWords(trusting.edge.port, "2001:db8:0:7::1")).toContain("welcome");
  expect(await firstWords(trusting.edge.port, "2001:DB8:0:7:1:2:3:4")).not.toContain("welcome");
  expect(await firstWords(trusting.edge.port, "2001:db8::1")).toContain("welcome");
});

it("any other is not: its connections are its own", async () => {
  expect(await firstWords(doubting.edge.port, "192.0.2.1")).toContain("welcome");
  expect(await firstWords(doubting.edge.port, "192.0.2.2")).not.toContain("welcome");
});

it("who is gone by now has no address, and nobody falls over that", () => {
  expect(new Proxies(["10.1.0.0/16"]).addressOf(new ArrayBuffer(0), () => [])).toBe("::");
});
