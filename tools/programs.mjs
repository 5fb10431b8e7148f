import { spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, step } from "./prepare.mjs";
import { Stop } from "./stop.mjs";

/**
 * What the tests, and `npm run cluster`, need beside npm's packages. `usedBy`: the folder whose tests need it; `commands`: the names it
 * may have on the PATH; `apt`: its package in Debian and Ubuntu; `image`: a container image whose `commands[0]` does the same;
 * `env`: the variables that its configuration reads.
 */
export const PROGRAMS = [
  {
    name: "Chromium",
    usedBy: "tests/browser",
    commands: ["chromium", "chromium-browser", "google-chrome"],
    apt: "chromium",
  },
  {
    name: "NATS",
    usedBy: "platform/bus",
    commands: ["nats-server"],
    apt: "nats-server",
    image: "nats:2.12",
    env: [
      "NATS_ENGINE_PASSWORD",
      "NATS_EDGE_PASSWORD",
      "NATS_SERVICES_PASSWORD",
      "NATS_OPERATOR_PASSWORD",
      "NATS_ROUTE_PASSWORD",
      "NATS_ROUTES",
      "NATS_ROUTE_LISTEN",
    ],
  },
  { name: "Redis", usedBy: "platform/redis", commands: ["redis-server"], apt: "redis-server", image: "redis:8" },
  {
    name: "HAProxy",
    usedBy: "deploy/haproxy",
    commands: ["haproxy"],
    apt: "haproxy",
    image: "haproxy:3.2",
    env: ["USHER_HTTP_BIND", "USHER_WS_BIND", "USHER_TLS_BIND", "USHER_TLS_CERT"],
  },
];

/** Commands made for container images lie here; `widenPath` puts it on the PATH. */
const SHIMS = fileURLToPath(new URL("node_modules/.programs", ROOT));

/** Looks for programs where they may be, too: Debian keeps servers where only root's PATH leads. */
export function widenPath() {
  process.env.PATH = [process.env.PATH, "/usr/local/sbin", "/usr/sbin", SHIMS].join(delimiter);
}

/** Has every program that something present needs: on the PATH, else from the package manager, else as a container. */
export async function ensurePrograms(programs = PROGRAMS) {
  widenPath();
  const missing = programs.filter(
    ({ usedBy, commands }) => existsSync(new URL(usedBy, ROOT)) && !commands.some(onPath),
  );
  for (const program of missing) await step(`Installing ${program.name}`, () => obtain(program));
}

function obtain(program) {
  if (fromPackages(program) && program.commands.some(onPath)) return;
  if (program.image !== undefined && succeeds("docker", ["pull", "--quiet", program.image])) {
    shim(program);
    return;
  }
  throw new Stop(
    `${program.name} is needed, and not here: install it so that "${program.commands[0]}" is on the PATH` +
      (program.apt === undefined ? "." : ` (on Debian or Ubuntu: apt-get install ${program.apt}).`),
  );
}

function fromPackages({ apt }) {
  if (apt === undefined || process.getuid?.() !== 0 || !onPath("apt-get")) return false;
  const installIt = () => succeeds("apt-get", ["install", "--yes", "--no-install-recommends", apt]);
  return installIt() || (succeeds("apt-get", ["update"]) && installIt());
}

/**
 * A command that runs in a container as if it were here: same user, same files, same network, same signals, and its variables, by name alone.
 * SIGKILL ends the command and leaves the container: its name is that of what it was started with, so that the next start ends it first.
 */
function shim({ commands: [command], image, env = [] }) {
  const startedWith = ['"$PWD"', '"$@"', ...env.map((name) => `"\${${name}:-}"`)].join(" ");
  const options = [
    '--rm --init --name "$name" --user "$(id -u):$(id -g)" --network host',
    '--volume "$PWD:$PWD" --volume /tmp:/tmp ${elsewhere:+--volume "$elsewhere:$elsewhere"} --workdir "$PWD"',
    ...env.map((name) => `--env ${name}`),
  ].join(" ");
  const lines = [
    "#!/bin/sh",
    `name=usher-${command}-$(printf '%s\\n' ${startedWith} | cksum | cut -d ' ' -f 1)`,
    'elsewhere=$(cd "${DATA_DIR:-.}" && pwd)',
    'case $elsewhere/ in "$PWD"/* | /tmp/*) elsewhere= ;; esac',
    'docker rm --force "$name" > /dev/null 2>&1',
    `exec docker run ${options} --entrypoint ${command} ${image} "$@"`,
  ];
  mkdirSync(SHIMS, { recursive: true });
  const file = join(SHIMS, command);
  writeFileSync(file, `${lines.join("\n")}\n`);
  chmodSync(file, 0o755);
}

function onPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function succeeds(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, args, { stdio: ["ignore", "ignore", "ignore"], env }).status === 0;
}
