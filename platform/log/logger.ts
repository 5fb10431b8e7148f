import { type DestinationStream, type Logger, type LoggerOptions as PinoOptions, pino } from "pino";
import { terminalStream } from "./terminal-stream.ts";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SECRETS = [
  "authorization",
  "cookie",
  "set-cookie",
  "password",
  "secret",
  "token",
  "accessToken",
  "refreshToken",
  "clientSecret",
];
/** Characters that wait for a standard error that takes none; past it lines are dropped. */
const UNWRITTEN_MAX = 1_048_576;
/** How deep in a logged object a secret is still found. */
const REDACT_DEPTH = 4;

type LogHook = NonNullable<NonNullable<PinoOptions["hooks"]>["logMethod"]>;

interface LoggerOptions {
  readonly name: string;
  /** The least that is written. */
  readonly level: LogLevel;
  readonly destination?: DestinationStream;
  /** Told of each line that is written, those of child loggers among them. */
  readonly onLine?: (level: string) => void;
}

/**
 * A logger that writes to standard error, so that standard output keeps what people and scripts read from it:
 * JSON lines, or one readable line each when that is a terminal. Values under a secret's name are left out.
 */
export function createLogger({ name, level, destination = standardError(), onLine }: LoggerOptions): Logger {
  const redact = { paths: secretPaths(), censor: "[hidden]" };
  const logMethod: LogHook = function (args, write, number) {
    onLine?.(pino.levels.labels[number] ?? "");
    write.apply(this, args);
  };
  return pino({ name, level, base: { pid: process.pid }, redact, hooks: { logMethod } }, destination);
}

/** Written at once: a process that dies has said why. One whose terminal is gone, or whose disk is full, goes on and says it later, or never. */
function standardError(): DestinationStream {
  const stream = pino.destination({ dest: 2, sync: true, maxLength: UNWRITTEN_MAX });
  stream.on("error", () => undefined);
  return process.stderr.isTTY ? terminalStream(stream) : stream;
}

function secretPaths(): string[] {
  const prefixes = Array.from({ length: REDACT_DEPTH }, (_, depth) => "*.".repeat(depth));
  return prefixes.flatMap((prefix) =>
    SECRETS.map((key) => (key.includes("-") ? `${prefix.slice(0, -1)}["${key}"]` : `${prefix}${key}`)),
  );
}
