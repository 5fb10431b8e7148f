export { loadConfig, requireDifferentPorts, type Environment } from "./config.ts";
export type { Config } from "./settings.ts";
