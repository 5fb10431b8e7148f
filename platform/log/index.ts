export type { Logger } from "pino";
export { createLogger, LOG_LEVELS, type LogLevel } from "./logger.ts";
