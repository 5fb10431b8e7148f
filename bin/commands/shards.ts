import { setTimeout as pause } from "node:timers/promises";
import { Command } from "commander";
import { Members } from "../../engine/index.ts";
import { openNatsBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { readOperatorUrl } from "../cluster/operator-url.ts";
import type { Context } from "../context.ts";
import { onSignal } from "../on-signal.ts";
import { requireNats } from "../parts/start-bus.ts";
import { A_LIST, shardLines } from "../viewer/shard-table.ts";
import { type Room, Screen } from "../viewer/terminal.ts";

/** Long enough for two beats of every engine, and for rates. */
const LISTEN_MS = 2_500;
const DRAW_EVERY_MS = 500;

export const shardsCommand = (context: Context): Command =>
  new Command("shards")
    .description(
      "shows the engines and what they do, and whose each shard is; renews itself on a terminal until Ctrl-C",
    )
    .option("--once", "prints it once, one line per shard, as it does where there is no terminal")
    .action(async ({ once }: { once?: boolean }) => {
      const config = loadConfig(context.env);
      const offered = config.natsUrl === undefined ? readOperatorUrl(config.dataDir) : undefined;
      const natsUrl = requireNats(
        config.natsUrl ?? offered,
        "shards",
        "set DATA_DIR to that of a running `usher cluster`",
      );
      const clock = systemClock;
      const log = createLogger({ level: "error", name: "shards" });
      const operator = { name: "usher-shards", role: "operator", clock, log };
      const { bus } = await openNatsBus(natsUrl, operator).catch((cause: unknown) => {
        if (offered === undefined) throw cause;
        throw new ExplainedError(
          `The cluster of ${config.dataDir} has ended, or is only starting: wait for its \`ready\`, or set NATS_URL.`,
          { cause },
        );
      });
      const members = new Members(bus, clock);
      await bus.requirePermitted();
      const lines = (room: Room): string[] => shardLines(members.live, clock.monotonic(), room);
      if (once === true || !process.stdout.isTTY) {
        await pause(LISTEN_MS);
        for (const line of lines(A_LIST)) context.print(line);
      } else {
        const screen = new Screen(process.stdout);
        const draw = (): void => screen.draw([...lines(screen.room(2)), "", "Ctrl-C ends this."]);
        const drawing = setInterval(draw, DRAW_EVERY_MS);
        await new Promise<void>(onSignal);
        clearInterval(drawing);
        screen.leave();
      }
      members.close();
      await bus.close();
    });
