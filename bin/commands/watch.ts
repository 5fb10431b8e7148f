import { Command } from "commander";
import { WebSocket } from "ws";
import { type Hall, RestClient, UsherClient } from "../../client/index.ts";
import { type Clock, systemClock, within } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { Context } from "../context.ts";
import { onSignal } from "../on-signal.ts";
import { explained } from "../remote/explained.ts";
import { findHall } from "../remote/find-hall.ts";
import { ownHttp, validUrl } from "../remote/server-urls.ts";
import type { Terminal } from "../viewer/terminal.ts";
import { printLines, showPicture } from "../viewer/views.ts";

/** How long the first connection may take before it is an error rather than something to wait for. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface WatchOptions {
  readonly showtime?: string;
  readonly http: string;
  /** Default: what the HTTP server says. */
  readonly url?: string;
  readonly coloured: boolean;
}

export interface WatchIo {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Called once there is something to be ended in good order, with what ends it: until then a signal ends the process as it is. */
  onStop(end: () => void): void;
}

export const watchCommand = (context: Context): Command =>
  new Command("watch")
    .description("shows a hall live in the terminal")
    .argument("[showtime]", "the showtime's id; the next premiere when left out")
    .option("--http <url>", "where the REST API is; default: HTTP_PORT of this machine")
    .option("--url <url>", "where the WebSocket is, such as ws://127.0.0.1:8081/v1; asked over HTTP when left out")
    .action(async (showtime: string | undefined, options: { http?: string; url?: string }) => {
      const coloured = process.stdout.isTTY && context.env["NO_COLOR"] === undefined;
      const wanted = {
        ...options,
        http: options.http ?? ownHttp(loadConfig(context.env)),
        coloured,
        ...(showtime !== undefined && { showtime }),
      };
      await watch(wanted, { terminal: process.stdout, clock: systemClock, onStop: onSignal });
    });

/** Resolves when stopped. @throws ExplainedError when there is no such server or showtime. */
export async function watch(options: WatchOptions, { terminal, clock, onStop }: WatchIo): Promise<void> {
  const rest = new RestClient(validUrl("--http", options.http));
  const found = await findHall(rest, {
    ...(options.showtime !== undefined && { id: options.showtime }),
    ...(options.url !== undefined && { webSocketUrl: validUrl("--url", options.url) }),
  });
  const client = new UsherClient({ url: found.webSocketUrl, WebSocket, encoding: "msgpack" });
  try {
    const hall = client.watch(found.showtime.id);
    await firstPicture(client, hall, found.webSocketUrl, clock);
    const shared = { terminal, clock, coloured: options.coloured, ...found, client, hall };
    const view = terminal.isTTY === true ? showPicture(shared) : printLines(shared);
    try {
      await stoppedOrClosed(client, onStop);
    } finally {
      view.end();
    }
  } finally {
    client.close();
  }
}

async function firstPicture(client: UsherClient, hall: Hall, url: string, clock: Clock): Promise<void> {
  try {
    await within(clock, CONNECT_TIMEOUT_MS, Promise.all([client.connect(), hall.ready]), () => {
      throw new ExplainedError(`The WebSocket at ${url} does not answer: give its address with --url.`);
    });
  } catch (error) {
    throw explained(error);
  }
}

function stoppedOrClosed(client: UsherClient, onStop: WatchIo["onStop"]): Promise<void> {
  return new Promise((resolve, reject) => {
    onStop(resolve);
    client.on("closed", (error) => reject(new ExplainedError(error.message)));
  });
}
