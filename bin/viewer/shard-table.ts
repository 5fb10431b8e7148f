import type { Member } from "../../engine/index.ts";
import type { MemberBeat } from "../../proto/index.ts";
import type { Room } from "./terminal.ts";

interface ShardRow {
  readonly shard: number;
  readonly requests: number;
  readonly cells: readonly string[];
}

/** A list: each shard has a line of its own. */
export const A_LIST: Room = { columns: 0, lines: Infinity };
const BETWEEN_SHARDS = "   ";

/**
 * A line an engine, numbered: what it does, and how far it is behind. Then every shard with its engine, epoch, requests and commits a second, as
 * many to a line as fit; where not all of them fit, without their epochs, and where they do not so either, the busiest.
 */
export function shardLines(members: readonly Member[], now: number, { columns, lines }: Room): string[] {
  if (members.length === 0) return ["No engine has been heard of."];
  const engines = [...members].sort((a, b) => (a.engine < b.engine ? -1 : 1));
  const rows = (hasEpochs: boolean): ShardRow[] => engines.flatMap((member, at) => rowsOf(member, at + 1, hasEpochs));
  const served = new Set(members.flatMap(({ shards }) => shards.map(([shard]) => shard)));
  const count = Math.max(...engines.map(({ shardCount }) => shardCount));
  const unserved = [...Array(count).keys()].filter((shard) => !served.has(shard));
  const head = [
    "engine                               shards  requests/s  commits/s  waiting    commit     heard",
    ...engines.map((member, at) => engineLine(member, at + 1, now)),
    ...(unserved.length === 0 ? [] : ["", `No engine has ${runsOf(unserved)}.`]),
    "",
  ];
  const room = { columns, lines: lines - head.length - 1 };
  const whole = rows(true);
  const hasEpochs = whole.length <= perLine(whole, columns) * room.lines;
  return [
    ...head,
    `shard, its engine, ${hasEpochs ? "epoch, " : ""}requests/s and commits/s`,
    ...shardCells(hasEpochs ? whole : rows(false), room),
  ];
}

function engineLine(member: Member, number: number, now: number): string {
  const { engine, shards, leaving, heardAt, measured, waiting, commitMs } = member;
  const [requests, commits] = perSecond(measured, measured.from.beat, measured.to.beat);
  return [
    `#${number} ${engine.slice(-32)}`.padEnd(36),
    String(shards.length).padStart(7),
    requests.toFixed(0).padStart(12),
    commits.toFixed(0).padStart(11),
    String(waiting).padStart(9),
    `${commitMs.toFixed(0)} ms`.padStart(10),
    `${(now - heardAt).toFixed(0)} ms`.padStart(10),
    leaving ? "  (takes none)" : "",
  ].join("");
}

function rowsOf({ shards, measured }: Member, number: number, hasEpochs: boolean): ShardRow[] {
  const [before, after] = [countsIn(measured.from.beat), countsIn(measured.to.beat)];
  return shards.map(([shard, epoch]) => {
    const [requests, commits] = perSecond(measured, before.get(shard), after.get(shard));
    const cells = [
      String(shard),
      `#${number}`,
      ...(hasEpochs ? [`e${epoch}`] : []),
      `${requests.toFixed(0)}/${commits.toFixed(0)}`,
    ];
    return { shard, requests, cells };
  });
}

interface Counts {
  readonly requests: number;
  readonly commits: number;
}

const countsIn = ({ shards }: MemberBeat): ReadonlyMap<number, Counts> =>
  new Map(shards.map(([shard, , requests, commits]) => [shard, { requests, commits }]));

function perSecond(
  { from, to }: Member["measured"],
  before: Counts | undefined,
  after: Counts | undefined,
): readonly [requests: number, commits: number] {
  if (before === undefined || after === undefined || to.at === from.at) return [0, 0]; // It is new there.
  const seconds = (to.at - from.at) / 1_000;
  return [(after.requests - before.requests) / seconds, (after.commits - before.commits) / seconds];
}

const widthsOf = (rows: readonly ShardRow[]): number[] =>
  [0, 1, 2, 3].map((at) => Math.max(0, ...rows.map(({ cells }) => cells[at]?.length ?? 0)));

function perLine(rows: readonly ShardRow[], columns: number): number {
  const width = widthsOf(rows).reduce((sum, each) => sum + 1 + each, BETWEEN_SHARDS.length - 1);
  return Math.max(1, Math.floor((columns + BETWEEN_SHARDS.length) / width));
}

function shardCells(rows: readonly ShardRow[], { columns, lines }: Room): string[] {
  const widths = widthsOf(rows);
  const inLine = perLine(rows, columns);
  const fitting = inLine * Math.max(1, rows.length > inLine * lines ? lines - 1 : lines);
  const shown = rows
    .toSorted((a, b) => b.requests - a.requests || a.shard - b.shard)
    .slice(0, fitting)
    .sort((a, b) => a.shard - b.shard);
  const texts = shown.map(({ cells }) => cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join(" "));
  const full: string[] = [];
  for (let at = 0; at < texts.length; at += inLine) full.push(texts.slice(at, at + inLine).join(BETWEEN_SHARDS));
  const rest = rows.length - shown.length;
  return rest === 0 ? full : [...full, `and ${rest} that do less; usher shards --once prints all`];
}

/** `0-3 7 9-11` */
function runsOf(ids: readonly number[]): string {
  const runs: string[] = [];
  for (let at = 0; at < ids.length;) {
    let end = at;
    while (ids[end + 1] === (ids[end] ?? 0) + 1) end++;
    runs.push(end === at ? `${ids[at]}` : `${ids[at]}-${ids[end]}`);
    at = end + 1;
  }
  return runs.join(" ");
}
