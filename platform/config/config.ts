import { ExplainedError } from "../explained/index.ts";
import { nearest } from "./nearest.ts";
import { FIRST_ADMIN_EMAIL, SETTINGS, type Config, type Setting } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One sentence for whoever starts the process: which variable, what was found, what to do. Holds no secret. */
export class ConfigError extends ExplainedError {
  override readonly name = "ConfigError";
}

/** Every variable that says something to Usher. */
export const SETTING_NAMES: readonly string[] = Object.values(SETTINGS).map((setting) => setting.name);

/**
 * An empty variable counts as unset.
 * @throws ConfigError for the first thing that is wrong.
 */
export function loadConfig(env: Environment): Config {
  refuseUnknownNames(env);
  const entries = Object.entries(SETTINGS).map(([field, setting]) => [field, read(setting, env)] as const);
  const settled = entries.filter(([, value]) => value !== undefined);
  const config = Object.fromEntries(settled) as unknown as Config; // `Config` is derived from this very table.
  settleTogether(config, env);
  return Object.freeze(config);
}

function read(setting: Setting, env: Environment): unknown {
  const found = env[setting.name] || undefined;
  const text = found ?? setting.default;
  if (text === undefined) return undefined;
  const value = setting.kind.parse(text);
  if (value !== undefined) return value;
  const otherwise = setting.default ? `unset it for ${setting.default}` : "unset it";
  throw new ConfigError(
    `${setting.name} must be ${setting.kind.expected}, but is ${setting.kind.show(text)}: correct it or ${otherwise}.`,
  );
}

function refuseUnknownNames(env: Environment): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith("USHER_") || !env[name] || SETTING_NAMES.includes(name)) continue;
    const meant = nearest(name, SETTING_NAMES);
    const way = meant === undefined ? "unset it, .env.example has them all." : `did you mean ${meant}?`;
    throw new ConfigError(`${name} is not a setting of Usher: ${way}`);
  }
}

function settleTogether(config: Config, env: Environment): void {
  keepAbove(config, env, "holdMaxMs", "holdTtlMs");
  keepAbove(config, env, "refreshTokenTtlMs", "accessTokenTtlMs");
  refuseAddressAsPassword(config);
}

type Port = "httpPort" | "wsPort" | "httpsPort" | "mockGatewayPort";

/**
 * Port 0 is any free one, and so never one of the others.
 * @throws ConfigError naming two that are the same
 */
export function requireDifferentPorts(config: Pick<Config, Port>, fields: readonly Port[]): void {
  for (const [at, field] of fields.entries()) {
    const port = config[field];
    const other = fields.slice(at + 1).find((each) => port !== 0 && config[each] === port);
    if (other === undefined) continue;
    throw new ConfigError(
      `${SETTINGS[field].name} and ${SETTINGS[other].name} are both ${port}: give each a port of its own.`,
    );
  }
}

type Duration = "holdMaxMs" | "holdTtlMs" | "refreshTokenTtlMs" | "accessTokenTtlMs";

/** Of two durations the one that nobody has set follows the other. @throws ConfigError when both are set, and contradict each other */
function keepAbove(
  config: { -readonly [Field in Duration]: number },
  env: Environment,
  longer: Duration,
  shorter: Duration,
): void {
  if (config[longer] >= config[shorter]) return;
  const isSet = (field: Duration): boolean => Boolean(env[SETTINGS[field].name]);
  if (!isSet(longer)) config[longer] = config[shorter];
  else if (!isSet(shorter)) config[shorter] = config[longer];
  else {
    const written = (field: Duration): string => `${SETTINGS[field].name} (${config[field] / 1000})`;
    throw new ConfigError(`${written(longer)} is less than ${written(shorter)}: raise the one or lower the other.`);
  }
}

/** No account may have its address for a password. Here it is told before the first administrator is announced. */
function refuseAddressAsPassword({ adminEmail = FIRST_ADMIN_EMAIL, adminPassword }: Config): void {
  if (adminPassword === undefined || folded(adminPassword) !== folded(adminEmail)) return;
  throw new ConfigError(
    `${SETTINGS.adminPassword.name} is the address of the first admin: choose a password that is not, or unset it.`,
  );
}

const folded = (text: string): string => text.trim().normalize("NFKC").toLowerCase();
