import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { offerOperatorUrl } from "../cluster/operator-url.ts";
import { freePorts } from "../../platform/network/index.ts";
import { shardsCommand } from "./shards.ts";

it("usher shards tells of a cluster that was killed that it has ended, and not of a NATS_URL that nobody has set", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-shards-"));
  try {
    const [port] = await freePorts(1);
    offerOperatorUrl(dataDir, `nats://operator:gone@127.0.0.1:${port}`);
    const command = shardsCommand({
      env: { DATA_DIR: dataDir },
      dist: new URL("file:///"),
      version: "0.0.0",
      print: () => expect.unreachable(),
    });
    await expect(command.parseAsync(["--once"], { from: "user" })).rejects.toThrow(
      `The cluster of ${dataDir} has ended`,
    );
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
