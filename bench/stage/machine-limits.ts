/** What this machine can bear, asked before anything is started. */
import { execFileSync } from "node:child_process";
import { freemem, platform } from "node:os";
import { BenchError } from "../bench-error.ts";
import { CONNECTIONS_AN_ADDRESS } from "../load/addresses.ts";

/** Connections may take this part of a process's descriptors: Usher's edge keeps the rest for all else it needs, and lets nobody in beyond. */
const DESCRIPTOR_SHARE = 0.9;
/** Both ends' kernel buffers and what server and generator keep, for the costliest peer. */
const BYTES_A_CONNECTION = 60_000;
const ADDRESSES_MAX = 200;
/** Databases, servers and generators of the same run start later than it is asked. */
const FREE_MEMORY_SHARE = 0.5;

/**
 * @param others that come on top of what `--connections` says
 * @throws BenchError when there cannot be as many
 */
export function requireConnections(asked: number, others = 0): void {
  const connections = asked + others;
  const descriptors = fileDescriptorMax();
  const needed = Math.ceil(connections / DESCRIPTOR_SHARE);
  if (needed > descriptors) {
    throw new BenchError(
      `${connections} connections need ${needed} file descriptors in the server, and a process may have ${descriptors}: ` +
        `raise \`ulimit -n\`, or use --connections ${Math.floor(descriptors * DESCRIPTOR_SHARE) - others} at most.`,
    );
  }
  const portsMax = connectionsByPorts();
  if (connections > portsMax) {
    throw new BenchError(
      `${connections} connections are more than this machine has ports for: use ${portsMax - others} at most.`,
    );
  }
  const room = Math.floor(freemem() / BYTES_A_CONNECTION);
  if (connections > room) {
    throw new BenchError(
      `${connections} connections need more memory than this machine has free: use ${room - others} at most.`,
    );
  }
}

/** As many as nobody asked for by number: a scenario's own, or what this machine bears where that is fewer, and in words that it is. */
export function usualConnections(own: number, others = 0): { readonly connections: number; readonly note: string } {
  const most = Math.floor(
    Math.min(
      fileDescriptorMax() * DESCRIPTOR_SHARE,
      connectionsByPorts(),
      (freemem() / BYTES_A_CONNECTION) * FREE_MEMORY_SHARE,
    ),
  );
  if (own + others <= most) return { connections: own, note: "" };
  const connections = Math.max(1, most - others);
  return { connections, note: ` (as many as this machine bears: ${own} are usual)` };
}

const connectionsByPorts = (): number => CONNECTIONS_AN_ADDRESS * (platform() === "linux" ? ADDRESSES_MAX : 0.8);

/** Node raises the soft limit to the hard one when it starts, so the hard one counts. */
function fileDescriptorMax(): number {
  if (platform() === "win32") return Infinity;
  const answer = execFileSync("/bin/sh", ["-c", "ulimit -H -n"], { encoding: "utf8" }).trim();
  return answer === "unlimited" ? Infinity : Number(answer);
}
