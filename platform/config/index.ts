export { loadConfig, requireDifferentPorts, SETTING_NAMES, type Environment } from "./config.ts";
export { FIRST_ADMIN_EMAIL, type Config } from "./settings.ts";
