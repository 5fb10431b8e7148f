/** Plots as SVG text, for a report that is one file. Colours come from the page's style sheet, by class: `s0` is the first series. */
import { escape } from "../../platform/html/index.ts";
import { colorClass } from "./style.ts";

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  readonly ticks?: readonly { readonly at: number; readonly text: string }[];
}

export interface Series {
  readonly name: string;
  /** Which colour. */
  readonly color: number;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 620;
const HEIGHT = 280;
const LEFT = 64;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 42;

/** Lines over two axes; what is not above 0 has no place on a logarithmic one and is left out. */
export function linePlot(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points).filter(([, value]) => !y.log || value > 0);
  if (points.length === 0) return "";
  const xScale = scaleOf(
    x,
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const yScale = scaleOf(
    y,
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const lines = series.map(({ color, name, points: own }) => {
    const path = own
      .filter(([, value]) => !y.log || value > 0)
      .map(([px, py], index) => `${index === 0 ? "M" : "L"}${xScale.at(px).toFixed(1)} ${yScale.at(py).toFixed(1)}`)
      .join("");
    return `<path class="line ${colorClass(color)}" d="${path}"><title>${escape(name)}</title></path>`;
  });
  const xTicks = xScale.ticks.map(
    ({ at, text }) =>
      `<text x="${at.toFixed(1)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${escape(text)}</text>`,
  );
  const yTicks = yScale.ticks.map(
    ({ at, text }) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}"/>` +
      `<text x="${LEFT - 6}" y="${(at + 4).toFixed(1)}" text-anchor="end">${escape(text)}</text>`,
  );
  return svg(
    title,
    HEIGHT,
    [
      ...yTicks,
      ...xTicks,
      ...lines,
      `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escape(x.label)}</text>`,
      `<text class="axis" transform="translate(12 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    ].join(""),
  );
}

export interface Row {
  readonly name: string;
  readonly color: number;
  /** One per round. */
  readonly values: readonly number[];
  readonly median: number;
  readonly text: string;
}

const ROW = 30;
const NAMES = 170;
const TEXTS = 190;

/**
 * A row per subject: a dot per round, a line from the least to the most, a stroke at the median; without what has no place on its axis.
 * @param even where neither is better, which the axis then shows
 */
export function dotPlot(title: string, log: boolean, rows: readonly Row[], even?: number): string {
  const isShown = (value: number): boolean => Number.isFinite(value) && (!log || value > 0);
  const values = rows.flatMap((row) => row.values).filter(isShown);
  if (values.length === 0) return "";
  const marked = even === undefined ? [] : [even];
  const scale = scaleOf({ label: "", log }, [...(log ? marked : [0]), ...values], NAMES, WIDTH - TEXTS);
  const height = rows.length * ROW + 34;
  const marks = rows.map(({ name, color, values: own, median, text }, index) => {
    const y = index * ROW + 18;
    const shown = own.filter(isShown);
    if (shown.length === 0) return "";
    const [least, most] = [Math.min(...shown), Math.max(...shown)];
    const dots = shown.map(
      (value) => `<circle class="dot ${colorClass(color)}" cx="${scale.at(value).toFixed(1)}" cy="${y}" r="3.5"/>`,
    );
    const stroke = isShown(median)
      ? `<line class="median ${colorClass(color)}" x1="${scale.at(median).toFixed(1)}" x2="${scale.at(median).toFixed(1)}" y1="${y - 9}" y2="${y + 9}"/>`
      : "";
    return (
      `<text x="${NAMES - 10}" y="${y + 4}" text-anchor="end">${escape(name)}</text>` +
      `<line class="line ${colorClass(color)}" x1="${scale.at(least).toFixed(1)}" x2="${scale.at(most).toFixed(1)}" y1="${y}" y2="${y}"/>` +
      dots.join("") +
      stroke +
      `<text x="${WIDTH - TEXTS + 12}" y="${y + 4}">${escape(text)}</text>`
    );
  });
  const ticks = scale.ticks.map(
    ({ at, text }) =>
      `<line class="grid" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="4" y2="${height - 24}"/>` +
      `<text x="${at.toFixed(1)}" y="${height - 8}" text-anchor="middle">${escape(text)}</text>`,
  );
  const evens = marked.map((value) => {
    const at = scale.at(value).toFixed(1);
    return `<line class="even" x1="${at}" x2="${at}" y1="4" y2="${height - 24}"/>`;
  });
  return svg(title, height, [...ticks, ...evens, ...marks].join(""));
}

const svg = (title: string, height: number, body: string): string =>
  `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}">${body}</svg>`;

interface Scale {
  at(value: number): number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

function scaleOf(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  // A loop, since a plot may have more points than a call may have arguments.
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (axis.log === true) {
    // As wide as from 1 to 2 at least, so that there is a tick on it.
    const slack = Math.max(0.02, (Math.log10(2) - Math.log10(most / least)) / 2);
    const [low, high] = [Math.log10(least) - slack, Math.log10(most) + slack];
    const at = (value: number): number => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
    return {
      at,
      ticks:
        axis.ticks?.map((tick) => ({ ...tick, at: at(tick.at) })) ??
        logTicks(low, high).map((value) => ({ at: at(value), text: short(value) })),
    };
  }
  const low = Math.min(0, least);
  const high = most <= low ? low + 1 : most * 1.04;
  const at = (value: number): number => from + ((value - low) / (high - low)) * (to - from);
  const ticks = axis.ticks ?? evenTicks(low, high).map((value) => ({ at: value, text: short(value) }));
  return { at, ticks: ticks.map((tick) => ({ ...tick, at: at(tick.at) })) };
}

/** Powers of ten, and 2 and 5 between them where there are few. */
function logTicks(low: number, high: number): number[] {
  const between = high - low < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const factor of between) {
      const value = factor * 10 ** power;
      if (Math.log10(value) >= low && Math.log10(value) <= high) ticks.push(value);
    }
  }
  return ticks;
}

function evenTicks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => low + index * step);
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}
