import { join } from "node:path";
import { Command } from "commander";
import { systemClock } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { rotateKeys } from "../../services/identity/index.ts";
import { rotateTicketKeys } from "../../services/tickets/index.ts";
import type { Context } from "../context.ts";

export const keysCommand = (context: Context): Command =>
  new Command("keys").description("the keys that tokens and tickets are signed with, under DATA_DIR/keys").addCommand(
    new Command("rotate")
      .description(
        "signs new tokens and tickets with new keys; what the old ones signed stays good until it ends. A running Usher notices within a minute",
      )
      .action(async () => {
        const { dataDir, accessTokenTtlMs, guestTokenTtlMs } = loadConfig(context.env);
        const tokenTtlMs = Math.max(accessTokenTtlMs, guestTokenTtlMs);
        const key = await rotateKeys({ dataDir, clock: systemClock, random: systemRandom, tokenTtlMs });
        if (key !== undefined)
          context.print(`New tokens are signed with key ${key}, once every process knows it: in half a minute.`);
        const ticketKey = rotateTicketKeys({ dataDir, clock: systemClock, random: systemRandom });
        if (key === undefined && ticketKey === undefined) {
          throw new ExplainedError(
            `There are no keys in ${join(dataDir, "keys")}: set DATA_DIR to the directory of the Usher whose keys you rotate.`,
          );
        }
        if (ticketKey !== undefined) context.print(`New tickets are signed with key ${ticketKey}.`);
      }),
  );
