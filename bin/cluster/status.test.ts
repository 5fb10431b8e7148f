import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { Leash } from "./leash.ts";
import { ProcessUnderWatch } from "./process-under-watch.ts";
import { showStatus } from "./status.ts";

it("the screen has where the entry is, every process and the engines, as long as it is shown", async () => {
  const clock = new VirtualClock();
  const leash = new Leash();
  const program = { name: "edge-1", command: "", args: [], env: {}, ready: /ready/, logFile: "" };
  const process = new ProcessUnderWatch(program, { clock, leash, changed: () => undefined, line: () => undefined });
  process.restarts = 2;
  let written = "";
  const terminal = { columns: 100, rows: 12, write: (text: string) => (written += text) };
  const status = showStatus({ terminal, clock, title: ["page at here"], processes: [process], members: () => [] });
  written = "";
  await clock.advance(500);
  for (const text of ["page at here", "edge-1", "ended", "started again 2 times", "No engine", "Ctrl-C stops all."])
    expect(written).toContain(text);
  status.end();
  written = "";
  await clock.advance(5_000);
  expect(written).toBe("");
  leash.close();
});
