import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { useHarness } from "./testing/harness.ts";

/** The tests' own connections come from 127.0.0.1. */
const trusting = useHarness({ connectionsPerAddress: 1, trustedProxies: ["10.1.0.0/16", "127.0.0.0/30"] });
const doubting = useHarness({ connectionsPerAddress: 1, trustedProxies: ["10.1.0.0/16", "127.0.0.4/30"] });

/** The PROXY protocol, version 2, section 2.2: who says to come from where, over TCP and IPv4. */
function announcement(from: readonly number[]): Buffer {
  const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
  return Buffer.from([...signature, 0x21, 0x11, 0, 12, ...from, 127, 0, 0, 1, 0x30, 0x39, 0x1f, 0x91]);
}

/** The first words on a WebSocket that a proxy opens for somebody. */
async function firstWords(port: number, from: readonly number[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write(announcement(from));
  socket.write(
    "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
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
  expect(await firstWords(trusting.edge.port, [192, 0, 2, 1])).toContain("welcome");
  expect(await firstWords(trusting.edge.port, [192, 0, 2, 2])).toContain("welcome");
  expect(await firstWords(trusting.edge.port, [192, 0, 2, 1])).not.toContain("welcome");
});

it("any other is not: its connections are its own", async () => {
  expect(await firstWords(doubting.edge.port, [192, 0, 2, 1])).toContain("welcome");
  expect(await firstWords(doubting.edge.port, [192, 0, 2, 2])).not.toContain("welcome");
});
