import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CLOSE_CODES, mayReconnect } from "./close-codes.ts";
import { commandsTo, deltasOf, HANDOVERS, MEMBERS, NOTICES, salesCommandsTo, SERVED } from "./engine/index.ts";
import { ERRORS } from "./errors.ts";
import { showtimeId } from "./ids.ts";
import { checksumOf } from "./seat-status.ts";
import {
  decodeClientJson,
  decodeClientMsgpack,
  decodeServerJson,
  decodeServerMsgpack,
  encodeClientJson,
  encodeClientMsgpack,
  encodeServerJson,
  encodeServerMsgpack,
} from "./ws/index.ts";
import * as services from "./services/index.ts";
import { OP } from "./ws/op.ts";

const README = readFileSync(new URL("README.md", import.meta.url), "utf8");

/** The rows of the first table under a heading, cells as they are written. */
function tableUnder(heading: string): string[][] {
  const lines = README.slice(README.indexOf(`\n## ${heading}\n`)).split("\n");
  const begin = lines.findIndex((line) => line.startsWith("| ---")) + 1;
  const length = lines.slice(begin).findIndex((line) => !line.startsWith("|"));
  const rows = lines.slice(begin, begin + length).map((line) => line.slice(2, -2).split(" | "));
  expect(rows.length, heading).toBeGreaterThan(0);
  return rows;
}

interface Example {
  readonly side: string;
  readonly json: string;
  readonly frame: Uint8Array;
}

/** A block is the message in JSON, then lines of bytes in hexadecimal, each with a comment. */
const EXAMPLES: Example[] = [...README.matchAll(/```frame (client|server)\n(.+)\n([^`]+)```/g)].map((match) => {
  const [, side = "", json = "", lines = ""] = match;
  const hex = lines.replaceAll(/#.*$/gm, "").split(/\s+/).filter(Boolean);
  return { side, json, frame: Uint8Array.from(hex, (byte) => Number.parseInt(byte, 16)) };
});

describe("an example of the README", () => {
  it.each(EXAMPLES)("is one message in both encodings: $side $json", ({ side, json, frame }) => {
    const [fromJson, fromMsgpack] =
      side === "client"
        ? [decodeClientJson(json), decodeClientMsgpack(frame)]
        : [decodeServerJson(json), decodeServerMsgpack(frame)];
    expect(fromJson.ok).toBe(true);
    expect(fromMsgpack).toStrictEqual(fromJson);
  });

  it.each(EXAMPLES)("is what we send: $side $json", ({ side, json, frame }) => {
    if (side === "client") {
      const decoded = decodeClientJson(json);
      expect(decoded.ok && encodeClientMsgpack(decoded.message)).toStrictEqual(frame);
      expect(decoded.ok && encodeClientJson(decoded.message)).toBe(json);
    } else {
      const decoded = decodeServerJson(json);
      expect(decoded.ok && encodeServerMsgpack(decoded.message)).toStrictEqual(frame);
      const text = decoded.ok ? encodeServerJson(decoded.message) : "";
      expect(JSON.parse(text)).toStrictEqual(JSON.parse(json));
    }
  });

  it("is there for every op, under a heading that gives its number", () => {
    const shown = new Set(EXAMPLES.map(({ frame }) => frame[1]));
    expect([...shown].toSorted((a, b) => Number(a) - Number(b))).toStrictEqual(Object.values(OP));
    for (const number of Object.values(OP)) expect(README).toMatch(new RegExp(`^### .+: ${number}, `, "m"));
  });
});

describe("the README's table", () => {
  it("of errors is the catalogue", () => {
    const rows = Object.entries(ERRORS).map(([code, { status, retryable, meaning }]) => [
      `\`${code}\``,
      String(status),
      retryable ? "yes" : "no",
      meaning,
    ]);
    expect(tableUnder("Errors")).toStrictEqual(rows);
  });

  it("of close codes is theirs", () => {
    const rows = Object.values(CLOSE_CODES).map(({ code, reason }) => [
      String(code),
      reason,
      mayReconnect(code) ? "yes" : "no",
    ]);
    expect(tableUnder("Close codes")).toStrictEqual(rows);
  });

  it("of subjects names the engine's first, then those of proto/services", () => {
    const showtime = showtimeId("a1");
    const engine = [
      commandsTo(7).name.replace("7", "<shard>"),
      salesCommandsTo(7).name.replace("7", "<shard>"),
      deltasOf(showtime).name.replace(showtime, "<showtime>"),
      NOTICES.name,
      MEMBERS.name,
      HANDOVERS.name,
      SERVED.name,
    ].map((name) => `\`${name}\``);
    const named = tableUnder("The bus").map(([name = ""]) => name);
    expect(named.slice(0, engine.length)).toStrictEqual(engine);
    const others = named.slice(engine.length);
    const subjects = Object.values(services).filter((value) => typeof value === "object" && "name" in value);
    expect(others.toSorted()).toStrictEqual(subjects.map(({ name }) => `\`${name}\``).toSorted());
  });

  it("of checksums has the right ones", () => {
    for (const [statuses = "", checksum] of tableUnder("The checksum")) {
      const digits = statuses.replaceAll("`", "");
      expect(String(checksumOf(Uint8Array.from(digits, Number)))).toBe(checksum);
    }
  });
});
