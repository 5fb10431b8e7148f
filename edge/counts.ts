import { Counter } from "prom-client";
import { Durations, type Registry, sampledCounter, sampledDurations, sampledGauge } from "../platform/metrics/index.ts";
import { CLOSE_CODES, type ErrorCode, type Reply } from "../proto/index.ts";
import type { CloseCode } from "./socket.ts";

/** What the edge counts as it goes: plain numbers, read when somebody scrapes. */
export class Counts {
  messages = 0;
  frames = 0;
  dropped = 0;
  snapshots = 0;
  resumes = 0;
  /** Those that are our doing are there before the first: a rate is of what a count has grown by, and one that appears has not grown. */
  readonly refusals = new Map<ErrorCode, number>([
    ["BUSY", 0],
    ["UNAVAILABLE", 0],
  ]);

  /** Connections that it ended itself, by the code of the close. */
  readonly closed = new Map<number, number>([
    [CLOSE_CODES.FULL.code, 0],
    [CLOSE_CODES.TOO_FAST.code, 0],
  ]);
  /** Commands, also those that were refused, and such as nobody could carry out just now. */
  readonly answered = new Durations();
  readonly unavailable = new Durations();

  commandAnswered(reply: Reply, tookMs: number): void {
    const isUs = reply.type === "refused" && (reply.code === "BUSY" || reply.code === "UNAVAILABLE");
    (isUs ? this.unavailable : this.answered).add(tookMs);
  }

  refused(code: ErrorCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  hasClosed({ code }: CloseCode): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }
}

interface Gauges {
  connections(): number;
  connectionsMax(): number;
  users(): number;
  replicas(): number;
  inFlight(): number;
  tickMs(): number;
}

export function exposeCounts(registry: Registry, counts: Counts, gauges: Gauges): void {
  const gauge = (name: string, help: string, read: () => number): void => sampledGauge({ registry, name, help, read });
  const counter = (name: string, help: string, read: () => number): void =>
    sampledCounter({ registry, name, help, read });
  gauge("usher_edge_connections", "WebSocket connections open now.", gauges.connections);
  gauge("usher_edge_connections_max", "WebSocket connections that it bears.", gauges.connectionsMax);
  gauge(
    "usher_edge_users",
    "Users remembered: signed in, or so lately that their allowance is not full yet.",
    gauges.users,
  );
  gauge("usher_edge_replicas", "Halls that are mirrored for viewers.", gauges.replicas);
  gauge("usher_edge_commands_in_flight", "Commands that wait for the engine.", gauges.inFlight);
  gauge("usher_edge_tick_seconds", "How far apart frames are now.", () => gauges.tickMs() / 1000);
  counter("usher_edge_messages_total", "Messages from clients.", () => counts.messages);
  counter("usher_edge_frames_total", "Frames published, each once per encoding.", () => counts.frames);
  counter("usher_edge_frames_dropped_total", "Frames that a slow reader did not get.", () => counts.dropped);
  counter("usher_edge_snapshots_total", "Viewers shown a whole hall.", () => counts.snapshots);
  counter("usher_edge_resumes_total", "Viewers who came back and were told what they missed.", () => counts.resumes);
  sampledDurations({
    registry,
    name: "usher_edge_command_seconds",
    help: "Time of a command at the engine, until its answer is back: `unavailable` where that is BUSY or UNAVAILABLE.",
    series: (["answered", "unavailable"] as const).map((outcome) => ({
      labels: { outcome },
      durations: counts[outcome],
    })),
  });
  const byCode = (name: string, help: string, counted: ReadonlyMap<string | number, number>): void => {
    new Counter({
      name,
      help,
      labelNames: ["code"],
      registers: [registry],
      collect() {
        this.reset();
        for (const [code, count] of counted) this.inc({ code }, count);
      },
    });
  };
  byCode("usher_edge_refusals_total", "Refusals sent to clients, by code.", counts.refusals);
  byCode("usher_edge_closed_total", "Connections that the edge ended, by the code of the close.", counts.closed);
}
