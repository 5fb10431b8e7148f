/** Which peers take part in a run. */
import { spawnSync } from "node:child_process";
import { BenchError } from "../bench-error.ts";
import { PEERS, requireInstalled } from "../peers/index.ts";
import { leftOut } from "./choose.ts";

/** Those that Usher's targets are about; `--peer all` takes every one, and as much more time. */
const USUAL = [
  "postgres-for-update",
  "postgres-for-update-interactive",
  "redis-always",
  "ws-conflated",
  "socket.io-naive",
  "socket.io-conflated",
  "nest-express",
  "fastify-hello",
] as const;

export interface ChosenPeers {
  readonly peers: readonly string[];
  /** Who is left out, and why. */
  readonly notes: readonly string[];
}

/**
 * @param names undefined: the usual ones, as far as they are installed
 * @param scenarios that were named; undefined: none was
 * @throws BenchError when one that was named cannot take part
 */
export function choosePeers(
  names: readonly string[] | undefined,
  root: URL,
  scenarios?: readonly string[],
): ChosenPeers {
  if (names === undefined) {
    const reasons = new Map(USUAL.map((name) => [name, whyNot(name, root)]));
    return { peers: USUAL.filter((name) => reasons.get(name) === undefined), notes: leftOut(reasons) };
  }
  const isAll = names.includes("all");
  const named = names.filter((name) => name !== "all" && name !== "none");
  const wanted = isAll ? Object.keys(PEERS) : named;
  for (const name of new Set([...named, ...wanted])) {
    const why = (isAll ? undefined : whyIdle(name, scenarios)) ?? whyNot(name, root);
    if (why !== undefined) throw new BenchError(why);
  }
  return { peers: wanted, notes: [] };
}

/** Why a peer would do nothing in these scenarios, in a sentence. */
function whyIdle(name: string, scenarios: readonly string[] | undefined): string | undefined {
  const peer = PEERS[name];
  if (peer === undefined || scenarios === undefined) return undefined;
  if (peer.scenarios.some((scenario) => scenarios.includes(scenario))) return undefined;
  return `The peer ${name} takes part in ${peer.scenarios.join(", ")} alone, and not in ${scenarios.join(", ")}.`;
}

function whyNot(name: string, root: URL): string | undefined {
  const peer = PEERS[name];
  if (peer === undefined) return `There is no peer ${name}: npm run bench -- --list names them.`;
  try {
    requireInstalled(peer, root);
  } catch (error) {
    if (error instanceof BenchError) return error.message;
    throw error;
  }
  if (peer.needs.includes("redis") && spawnSync("redis-server", ["--version"]).error !== undefined) {
    return "redis-server is not on the PATH: install Redis 7 or newer.";
  }
  return undefined;
}

/** For `--list`. */
export const peerLines = (): string[] =>
  Object.entries(PEERS).map(([name, { about, scenarios }]) => `${name.padEnd(32)} ${about} (${scenarios.join(", ")})`);
