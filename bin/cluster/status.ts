/** The cluster at a glance: every process, and who has which shards. */
import { type Clock, every } from "../../platform/clock/index.ts";
import type { Member } from "../../engine/index.ts";
import { Screen, type Terminal } from "../viewer/terminal.ts";
import { shardLines } from "../viewer/shard-table.ts";
import type { ProcessUnderWatch } from "./process-under-watch.ts";

const EVERY_MS = 500;

interface Options {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** What stands above: where the entry is. */
  readonly title: readonly string[];
  readonly processes: readonly ProcessUnderWatch[];
  members(): readonly Member[];
}

/** Draws until it is ended. */
export function showStatus({ terminal, clock, title, processes, members }: Options): { end(): void } {
  const screen = new Screen(terminal);
  const draw = (): void => {
    const now = clock.monotonic();
    const rows = processes.map(({ program, state, pid, restarts, startedAt }) =>
      [
        program.name.padEnd(12),
        state.padEnd(9),
        String(state === "ended" ? "" : (pid ?? "")).padStart(8),
        uptime(state === "ended" ? 0 : now - startedAt).padStart(9),
        restarts === 0 ? "" : `  started again ${restarts} times`,
      ].join(""),
    );
    const above = [...title, "", ...rows, ""];
    const below = ["", "Ctrl-C stops all."];
    const room = screen.room(above.length + below.length);
    screen.draw([...above, ...shardLines(members(), now, room), ...below]);
  };
  draw();
  const timer = every(clock, EVERY_MS, draw);
  return {
    end() {
      timer.cancel();
      screen.leave();
    },
  };
}

function uptime(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return seconds < 120
    ? `${seconds} s`
    : seconds < 7_200
      ? `${Math.floor(seconds / 60)} min`
      : `${Math.floor(seconds / 3_600)} h`;
}
