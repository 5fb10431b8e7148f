import { expect, it } from "vitest";
import { startServer } from "./server-process.ts";

it("says which server this machine does not have, and how to get it", async () => {
  const server = { name: "nobody", command: ["no-such-server"] as const, cwd: "/", env: {}, patterns: [/ready/] };
  await expect(startServer({ ...server, onDeath: () => undefined })).rejects.toThrow(
    "no-such-server is not on the PATH: install it (on Debian or Ubuntu: apt-get install no-such-server).",
  );
});
