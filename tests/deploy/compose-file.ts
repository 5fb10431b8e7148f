/** docker-compose.yml as Compose reads it: anchors merged, variables filled in from an environment file. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { parse } from "yaml";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type Environment = Readonly<Record<string, string>>;

interface Network {
  readonly internal?: boolean;
  readonly ipam?: { readonly config: readonly { readonly subnet: string; readonly ip_range?: string }[] };
}

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Environment;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly network_mode?: string;
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly scale?: number;
  readonly stop_grace_period?: string;
  readonly restart?: string;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** What deploy/make-env.sh writes: the example with every secret filled in. */
export function madeEnvironment(): Environment {
  const copy = mkdtempSync(join(tmpdir(), "usher-env-"));
  try {
    return parseEnv(readFileSync(makeEnvironmentIn(copy), "utf8")) as Environment; // All are texts.
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Runs a copy of it there. @returns the file that it writes @throws when it refuses */
export function makeEnvironmentIn(folder: string, path = process.env["PATH"]): string {
  mkdirSync(join(folder, "deploy"), { recursive: true });
  for (const name of ["make-env.sh", "compose.env.example"])
    copyFileSync(`${ROOT}deploy/${name}`, join(folder, "deploy", name));
  execFileSync("sh", ["-c", "umask 022; exec sh deploy/make-env.sh"], {
    cwd: folder,
    stdio: "pipe",
    env: { PATH: path },
  });
  return join(folder, ".env");
}

/** @throws for a variable that must be set and is not, as Compose does */
export function readCompose(environment: Environment): ComposeFile {
  const text = readFileSync(`${ROOT}docker-compose.yml`, "utf8");
  const fill = (value: unknown): unknown => {
    if (typeof value === "string") return interpolate(value, environment);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== "object" || value === null) return value;
    // Compose makes a number of it before it looks at its schema.
    const filled = (key: string, inner: unknown): unknown => (key === "scale" ? Number(fill(inner)) : fill(inner));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(key, inner)]));
  };
  return fill(parse(text, { merge: true })) as ComposeFile; // Held against Compose's schema by a test.
}

/** `${NAME}`, `${NAME:-otherwise}`, `${NAME:?why}`: https://docs.docker.com/reference/compose-file/interpolation/. */
function interpolate(text: string, environment: Environment): string {
  return text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_all, name: string, sign?: string, rest = "") => {
    const value = environment[name] ?? "";
    if (value !== "") return value;
    if (sign === "?") throw new Error(`${name} is not set: ${rest}`);
    return sign === "-" ? rest : "";
  });
}

/** Names that the file takes from its environment. */
export function variablesOfCompose(): ReadonlySet<string> {
  const text = readFileSync(`${ROOT}docker-compose.yml`, "utf8");
  return new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name ?? ""));
}

/** Those made from Usher's own image. */
export const rolesOf = ({ services }: ComposeFile): [string, ComposeService][] =>
  Object.entries(services).filter(([, { build }]) => build !== undefined);

export const networksOf = ({ networks = [] }: ComposeService): readonly string[] =>
  Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks);
