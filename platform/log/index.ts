export type { Logger } from "pino";
export { CountedLine } from "./counted-line.ts";
export { isTooLong } from "./log-file.ts";
export { createLogger, LOG_LEVELS, type LogLevel } from "./logger.ts";
export { ReasonTold } from "./reason-told.ts";
