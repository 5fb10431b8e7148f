import type { Member } from "../../engine/index.ts";

/** A line an engine: how many shards it has, which, under which epochs, when it was last heard and what it does. */
export function shardLines(members: readonly Member[], now: number): string[] {
  if (members.length === 0) return ["No engine has been heard of."];
  const rows = [...members].sort((a, b) => (a.engine < b.engine ? -1 : 1)).map((member) => rowOf(member, now));
  return ["engine                            shards  epochs     heard    requests/s  commits/s  which", ...rows];
}

function rowOf(member: Member, now: number): string {
  const { engine, shards, leaving, heardAt, perSecond } = member;
  const epochs = shards.map(([, epoch]) => epoch);
  const range = epochs.length === 0 ? "" : `${Math.min(...epochs)}-${Math.max(...epochs)}`;
  const ids = shards.map(([shard]) => shard).sort((a, b) => a - b);
  return [
    engine.slice(-32).padEnd(32),
    String(shards.length).padStart(8),
    range.padStart(8),
    `${Math.round(now - heardAt)} ms`.padStart(10),
    perSecond.requests.toFixed(0).padStart(14),
    perSecond.commits.toFixed(0).padStart(11),
    `  ${leaving ? "(takes none) " : ""}${runsOf(ids)}`,
  ].join("");
}

/** `0-3 7 9-11` */
export function runsOf(ids: readonly number[]): string {
  const runs: string[] = [];
  for (let at = 0; at < ids.length;) {
    let end = at;
    while (ids[end + 1] === (ids[end] ?? 0) + 1) end++;
    runs.push(end === at ? `${ids[at]}` : `${ids[at]}-${ids[end]}`);
    at = end + 1;
  }
  return runs.join(" ");
}
