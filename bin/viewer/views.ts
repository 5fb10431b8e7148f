import type { Hall, Layout, LayoutSeat, SeatChange, Showtime, UsherClient } from "../../client/index.ts";
import { type Clock, every } from "../../platform/clock/index.ts";
import { HallPicture } from "./hall-picture.ts";
import { describeTally, Rate } from "./tally.ts";
import { Screen, type Terminal } from "./terminal.ts";

const FRAME_MS = 100;
/** Lines around the picture: two above, four below. */
const FRAME_LINES = 6;
const STATUS_WORDS = ["free", "held", "booked", "blocked"] as const;
/** Seats named in one line; the rest are counted. */
const NAMED_MAX = 12;

export interface ViewOptions {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly coloured: boolean;
  readonly showtime: Showtime;
  readonly layout: Layout;
  readonly client: UsherClient;
  readonly hall: Hall;
}

/** Shows a hall until it is ended. */
export interface View {
  end(): void;
}

/** The whole hall, redrawn when something changed, ten times a second at most. */
export function showPicture(options: ViewOptions): View {
  const { terminal, clock, coloured, layout, client, hall } = options;
  const screen = new Screen(terminal);
  const rate = new Rate(clock);
  let picture: HallPicture | undefined;
  const draw = (): void => {
    const size = { columns: terminal.columns ?? 80, lines: Math.max(4, (terminal.rows ?? 24) - FRAME_LINES) };
    if (!picture?.fits(size)) picture = new HallPicture(layout, size, coloured);
    const state = hall.inStep ? "live" : client.state === "open" ? "catching up" : "reconnecting";
    screen.draw([
      titleOf(options.showtime),
      "",
      ...picture.lines(hall.statuses),
      "",
      picture.legend(layout),
      `${describeTally(hall.statuses)}   ${rate.perSecond()} changes/s   ${state}   Ctrl-C ends`,
    ]);
  };
  hall.onChange((changes) => rate.add(changes.length));
  draw();
  const timer = every(clock, FRAME_MS, draw);
  return {
    end: () => {
      timer.cancel();
      screen.leave();
    },
  };
}

/** A line for what changed, ten a second at most; for logs and pipes. */
export function printLines({ terminal, clock, showtime, layout, hall }: ViewOptions): View {
  const seats: readonly LayoutSeat[] = layout.seats;
  let latest = new Map<number, SeatChange>();
  let ended = false;
  const flush = (): void => {
    const changed = latest;
    latest = new Map();
    if (!ended && changed.size > 0)
      terminal.write(`${lineOf(changed, seats, clock)}   (${describeTally(hall.statuses)})\n`);
  };
  terminal.write(`${titleOf(showtime)}\n${describeTally(hall.statuses)}\n`);
  hall.onChange((changes) => {
    if (latest.size === 0) clock.after(FRAME_MS, flush);
    for (const change of changes) latest.set(change.seat, change);
  });
  hall.on("inStep", (inStep) =>
    terminal.write(inStep ? `in step: ${describeTally(hall.statuses)}\n` : "out of step\n"),
  );
  return {
    end: () => {
      flush();
      ended = true;
    },
  };
}

function lineOf(changes: ReadonlyMap<number, SeatChange>, seats: readonly LayoutSeat[], clock: Clock): string {
  const byStatus = new Map<number, string[]>();
  for (const { seat, status } of changes.values()) {
    byStatus.set(status, [...(byStatus.get(status) ?? []), seats[seat]?.label ?? `#${seat}`]);
  }
  const parts = [...byStatus].map(([status, labels]) => {
    const more = labels.length > NAMED_MAX ? ` and ${labels.length - NAMED_MAX} more` : "";
    return `${STATUS_WORDS[status]}: ${labels.slice(0, NAMED_MAX).join(" ")}${more}`;
  });
  return `${new Date(clock.now()).toISOString()}  ${parts.join("; ")}`;
}

function titleOf({ title, cinemaName, hallName, startsAt, timeZone, premiere, seatCount }: Showtime): string {
  const when = new Date(startsAt).toLocaleString("en-GB", { timeZone, dateStyle: "medium", timeStyle: "short" });
  return `${title}${premiere ? " (premiere)" : ""}, ${cinemaName}, ${hallName}, ${when}, ${seatCount} seats`;
}
