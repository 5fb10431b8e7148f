import { afterEach, expect, it, vi } from "vitest";
import { startServer } from "./server-process.ts";

afterEach(() => vi.unstubAllEnvs());

it("hands on nothing of its own environment that would make of a server another than is to be measured", async () => {
  vi.stubEnv("REDIS_URL", "redis://127.0.0.1:1");
  vi.stubEnv("SHARDS", "1");
  vi.stubEnv("TMPDIR", "/tmp");
  const server = await startServer({
    name: "any",
    command: [process.execPath, "--eval", "console.log(JSON.stringify(process.env)); setInterval(() => {}, 1_000)"],
    cwd: "/",
    env: { SEATS: "96" },
    patterns: [/^(\{.*\})$/],
    onDeath: () => undefined,
  });
  await server.stop("now");
  const env = JSON.parse(server.found[0] ?? "") as Record<string, string>; // As it has printed it.
  expect(env).toMatchObject({ SEATS: "96", TMPDIR: "/tmp", PATH: expect.stringContaining(process.env["PATH"] ?? "") });
  expect(["HOME", "LANG", "PATH", "SEATS", "TMPDIR"]).toEqual(expect.arrayContaining(Object.keys(env)));
});

it("says which server this machine does not have, and how to get it", async () => {
  const server = { name: "nobody", command: ["no-such-server"] as const, cwd: "/", env: {}, patterns: [/ready/] };
  await expect(startServer({ ...server, onDeath: () => undefined })).rejects.toThrow(
    "no-such-server is not on the PATH: install it (on Debian or Ubuntu: apt-get install no-such-server).",
  );
});
