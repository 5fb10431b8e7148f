import { expect, it } from "vitest";
import { dotPlot } from "./plot.ts";
import { colorClass, STYLE } from "./style.ts";

const row = (values: readonly number[], median: number) => ({ name: "usher", color: 0, values, median, text: "" });

it.each([
  { values: [0, 2, 4], median: 2, dots: 2, strokes: 1 },
  { values: [0, 0, 4], median: 0, dots: 1, strokes: 0 },
  { values: [-3, 2, Infinity], median: 2, dots: 1, strokes: 1 },
  { values: [0, -3], median: -1.5, dots: 0, strokes: 0 },
])("a logarithmic plot of $values leaves out what is not above 0", ({ values, median, dots, strokes }) => {
  const svg = dotPlot("ratios", true, [row(values, median)]);
  expect(svg.match(/<circle/g) ?? []).toHaveLength(dots);
  expect(svg.match(/class="median/g) ?? []).toHaveLength(strokes);
  expect(svg).not.toMatch(/NaN|Infinity/);
});

it("a plot of ratios shows where neither is better, on which side of it each is, and an axis, however few there are", () => {
  const placeOf = (ratio: number) => {
    const svg = dotPlot("ratios", true, [row([ratio], ratio)], 1);
    expect(svg.match(/class="grid"/g)?.length).toBeGreaterThan(0);
    const [even, dot] = [/class="even" x1="([\d.]+)"/, /<circle[^>]* cx="([\d.]+)"/].map((one) =>
      Number(one.exec(svg)?.[1]),
    );
    return Math.sign((dot ?? Number.NaN) - (even ?? Number.NaN));
  };
  expect([0.23, 1, 1.89].map(placeOf)).toEqual([-1, 0, 1]);
});

it("a plot that is not logarithmic shows 0", () => {
  expect(dotPlot("scores", false, [row([0, 2], 1)]).match(/<circle/g)).toHaveLength(2);
});

it("every series has a color of the style sheet, and no two look alike, however many there are", () => {
  const classes = Array.from({ length: 20 }, (_, index) => colorClass(index));
  expect(new Set(classes).size).toBe(20);
  for (const name of classes) expect(STYLE).toContain(`.${name.split(" ")[0]}{--c:`);
});
