import type { DestinationStream } from "pino";

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info ",
  40: "\u001b[33mwarn \u001b[39m",
  50: "\u001b[31merror\u001b[39m",
  60: "\u001b[31mfatal\u001b[39m",
};

/** Turns pino's JSON lines into lines for the eye: time, level, name, message, and the other fields dimmed. */
export function terminalStream(to: DestinationStream): DestinationStream {
  return { write: (line) => to.write(readable(line)) };
}

function readable(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>; // The cast: pino writes nothing but objects.
  const { time, level, name, msg = "", pid: _pid, err, ...rest } = entry;
  const clockTime = new Date(Number(time)).toLocaleTimeString("en-GB");
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const dimmed = fields.length > 0 ? ` \u001b[2m${fields.join(" ")}\u001b[22m` : "";
  const stack = isError(err) ? `\n${err.stack}` : "";
  const shown = LEVELS[Number(level)] ?? String(level);
  return `${clockTime} ${shown} ${String(name)}: ${String(msg)}${dimmed}${stack}\n`;
}

const isError = (value: unknown): value is { stack: string } =>
  typeof value === "object" && value !== null && "stack" in value && typeof value.stack === "string";
