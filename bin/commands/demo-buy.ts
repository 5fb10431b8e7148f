import { Command } from "commander";
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { RestClient } from "../../client/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { SignedIn } from "../../proto/rest/index.ts";
import { withDevice } from "../buy/devices.ts";
import type { Market } from "../buy/purchase.ts";
import { Shop } from "../buy/shop.ts";
import { type BuyIo, Steps } from "../buy/steps.ts";
import { buyAtKiosk, buyByGraphql, buyByRest } from "../buy/ways.ts";
import type { Context } from "../context.ts";
import { findHall } from "../remote/find-hall.ts";
import { ownHttp, validUrl } from "../remote/server-urls.ts";

const WAYS = {
  rest: { heading: "Over REST", buy: (market: Market) => buyByRest(market) },
  graphql: { heading: "Over GraphQL", buy: (market: Market) => buyByGraphql(market) },
  kiosk: { heading: "At a kiosk", buy: buyAtKiosk },
} as const;
type Way = keyof typeof WAYS;
const ALL = ["rest", "graphql", "kiosk"] as const satisfies readonly Way[];

export interface BuyOptions {
  readonly http: string;
  readonly showtime?: string;
  readonly adminEmail?: string | undefined;
  readonly adminPassword?: string | undefined;
  /** All when none is named. */
  readonly ways: readonly Way[];
}

export const demoBuyCommand = (context: Context): Command =>
  new Command("buy")
    .description(
      "buys tickets and is let in with them, through public interfaces only: each step and its time; all three ways unless some are named",
    )
    .option("--rest", "over REST")
    .option("--graphql", "over GraphQL")
    .option("--kiosk", "as a kiosk, paid at its terminal")
    .option("--showtime <id>", "default: the next premiere")
    .option("--http <url>", "where the REST API is; default: HTTP_PORT of this machine")
    .addHelpText(
      "after",
      "\nThe admin, who sets up the gate and the kiosk, signs in with USHER_ADMIN_EMAIL and USHER_ADMIN_PASSWORD.",
    )
    .action(async (options: { showtime?: string; http?: string } & { [Flag in Way]?: true }) => {
      const ways = ALL.filter((way) => options[way]);
      const settings = loadConfig(context.env);
      const { adminEmail, adminPassword } = settings; // Everybody on the machine can read the options of a command.
      const http = options.http ?? ownHttp(settings);
      await buy(
        { ...options, http, adminEmail, adminPassword, ways },
        { print: context.print, clock: systemClock, pause },
      );
    });

/** @throws ExplainedError naming the step that failed, or what is missing */
export async function buy(options: BuyOptions, io: BuyIo): Promise<void> {
  const { print, clock } = io;
  const { adminEmail: email, adminPassword: password } = options;
  if (email === undefined || password === undefined) {
    throw new ExplainedError(
      "The admin sets up the gate and the kiosk: set USHER_ADMIN_EMAIL and USHER_ADMIN_PASSWORD.",
    );
  }
  const url = validUrl("--http", options.http);
  const unique = (): string => randomBytes(12).toString("base64url");
  const shop = new Shop(url, unique);
  const steps = new Steps(io);
  const begun = clock.monotonic();
  const { showtime } = await findHall(new RestClient(url), {
    ...(options.showtime !== undefined && { id: options.showtime }),
  });
  print(`${showtime.title}, ${showtime.hallName}, ${showtime.cinemaName}, ${showtime.startsAt} (${showtime.id})`);
  const { accessToken: adminToken } = await steps.do("admin signed in", () =>
    shop.post<SignedIn>("auth/login", { body: { email, password } }),
  );
  await withDevice({ shop, steps }, { adminToken, role: "gate" }, async (gateToken) => {
    for (const way of options.ways.length > 0 ? options.ways : ALL) {
      steps.heading(WAYS[way].heading);
      await WAYS[way].buy({ shop, steps, unique, gateToken, showtime }, adminToken);
    }
  });
  print(`\nAll done in ${((clock.monotonic() - begun) / 1_000).toFixed(1)} s`);
}
