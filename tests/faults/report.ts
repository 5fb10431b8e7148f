/** The table that a run of the faults prints. */
import { percentile } from "./answers.ts";

export interface Line {
  readonly fault: string;
  /** Answers a second while it happened. */
  readonly rate: number;
  /** Purchases a second. */
  readonly purchaseRate: number;
  /** How long each showtime that moved was without an answer. */
  readonly pausesMs: readonly number[];
  /** From the fault until the cluster was whole again. */
  readonly wholeMs: number;
  readonly wrongs: number;
}

const COLUMNS = ["fault", "times", "answers/s", "bought/s", "moved", "p50 ms", "p99 ms", "target", "whole ms", "wrong"];
/** What 99 of 100 showtimes that move may be without an answer, in milliseconds. */
const TARGETS: Readonly<Record<string, number>> = { "engine killed": 3_000, "engine asleep": 3_000, "hand-over": 100 };

const pausesOf = (lines: readonly Line[], fault: string): readonly number[] =>
  lines.filter((line) => line.fault === fault).flatMap(({ pausesMs }) => pausesMs);

/** Targets that were not reached, in words. */
export function missed(lines: readonly Line[]): readonly string[] {
  return Object.entries(TARGETS).flatMap(([fault, targetMs]) => {
    const p99 = percentile(pausesOf(lines, fault), 0.99);
    return p99 > targetMs ? [`${fault}: p99 is ${p99.toFixed(0)} ms, not ${targetMs} ms`] : [];
  });
}

export function tableOf(lines: readonly Line[]): string {
  const kinds = [...new Set(lines.map(({ fault }) => fault))];
  const rows = kinds.map((fault) => {
    const of = lines.filter((line) => line.fault === fault);
    const pauses = pausesOf(lines, fault);
    const mean = (values: readonly number[]): string =>
      (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(0);
    const pauseAt = (share: number): string => (pauses.length === 0 ? "-" : percentile(pauses, share).toFixed(0));
    return [
      fault,
      String(of.length),
      mean(of.map(({ rate }) => rate)),
      mean(of.map(({ purchaseRate }) => purchaseRate)),
      String(pauses.length),
      pauseAt(0.5),
      pauseAt(0.99),
      String(TARGETS[fault] ?? ""),
      percentile(
        of.map(({ wholeMs }) => wholeMs),
        0.5,
      ).toFixed(0),
      String(of.reduce((sum, { wrongs }) => sum + wrongs, 0)),
    ];
  });
  return [COLUMNS, ...rows]
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(22) : cell.padStart(10))).join(""))
    .join("\n");
}
