export { ConfigError, loadConfig, type Environment } from "./config.ts";
export { renderEnvExample } from "./env-example.ts";
export type { Config } from "./settings.ts";
