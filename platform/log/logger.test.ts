import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";
import { terminalStream } from "./terminal-stream.ts";

function capture(): { lines: string[]; write(line: string): void } {
  const lines: string[] = [];
  return { lines, write: (line) => void lines.push(line) };
}

describe("logger", () => {
  it("writes one JSON object per line, from its level on", () => {
    const destination = capture();
    const log = createLogger({ name: "edge", level: "info", destination });
    log.debug("not this");
    log.child({ requestId: "r1" }).info({ seats: 3 }, "held");
    expect(destination.lines).toHaveLength(1);
    expect(JSON.parse(destination.lines[0] ?? "")).toMatchObject({
      name: "edge",
      requestId: "r1",
      seats: 3,
      msg: "held",
    });
  });

  it("tells of each line that is written, and of no other", () => {
    const destination = capture();
    const told: string[] = [];
    const log = createLogger({ name: "edge", level: "info", destination, onLine: (level) => told.push(level) });
    log.debug("not this");
    log.error({ err: new Error("on purpose") }, "oh");
    log.child({ shard: 7 }).warn({ seats: 3 }, "%s seats", "three");
    expect(told).toEqual(["error", "warn"]);
    expect(destination.lines).toHaveLength(2);
    expect(JSON.parse(destination.lines[1] ?? "")).toMatchObject({ shard: 7, seats: 3, msg: "three seats" });
  });

  it("leaves out what stands under a secret's name, however nested", () => {
    const destination = capture();
    const log = createLogger({ name: "edge", level: "info", destination });
    const secret = "hunter2";
    const headers = { authorization: secret, cookie: secret, "set-cookie": [secret], accept: "json" };
    log.info(
      { token: secret, password: secret, user: { secret }, request: { headers, body: { refreshToken: secret } } },
      "in",
    );
    log.info({ headers, one: { two: { headers } } }, "in");
    expect(destination.lines.join("")).not.toContain(secret);
    expect(destination.lines.join("")).toContain("json");
    expect(headers.authorization).toBe(secret);
  });

  it("is readable in a terminal, errors with their stack", () => {
    const destination = capture();
    const log = createLogger({ name: "edge", level: "info", destination: terminalStream(destination) });
    log.warn({ err: new Error("on purpose"), shard: 7 }, "oh");
    expect(destination.lines.join("")).toMatch(
      /^\d\d:\d\d:\d\d .*warn.* edge: oh .*shard=7.*\nError: on purpose\n {4}at /,
    );
  });
});
