import { expect, test } from "vitest";
import type { LayoutSeat } from "../../client/index.ts";
import { Camera } from "./camera.ts";
import { FloorPlan } from "./floor-plan.ts";
import { LOOK, paint, SIGN } from "./painter.ts";
import type { Palette } from "./palette.ts";

/** A canvas that draws nothing, and keeps where it wrote what. */
class Paper {
  font = "";
  textBaseline = "";
  readonly words = new Map<string, { readonly top: number; readonly bottom: number }>();

  fillText(text: string, _x: number, y: number): void {
    const size = Number.parseFloat(this.font);
    const top = this.textBaseline === "top" ? y : y - size / 2;
    this.words.set(text, { top, bottom: top + size });
  }

  clearRect(): void {}
  beginPath(): void {}
  moveTo(): void {}
  quadraticCurveTo(): void {}
  stroke(): void {}
  fill(): void {}
  arc(): void {}
  fillRect(): void {}
  strokeText(): void {}
}

/** @param height of the map, in CSS pixels */
function painted(seats: readonly object[], look: number, height: number) {
  // The cast: what is drawn needs no more of a seat.
  const plan = new FloorPlan({ seats: seats as LayoutSeat[] } as ConstructorParameters<typeof FloorPlan>[0]);
  const camera = new Camera(plan.frame, plan.pitch);
  camera.resize(810, height);
  const paper = new Paper();
  const palette = { free: [""] } as unknown as Palette;
  const scene = { plan, camera, palette, lookOf: () => look, cursor: undefined, hovered: undefined };
  // The cast: it is all of a canvas that these halls take.
  paint(paper as unknown as CanvasRenderingContext2D, scene);
  return { plan, camera, paper };
}

test.each([200, 240, 320, 480, 760])(
  "in a map %i pixels high the word Screen lies on no seat and is within the map",
  (height) => {
    const seats = Array.from({ length: 14 * 20 }, (_, index) => {
      const [row, number] = [Math.floor(index / 20), index % 20];
      return { index, row: String(row), number: String(number), section: "", x: number * 55, y: row * 110 };
    });
    const { plan, camera, paper } = painted(seats, LOOK.booked, height);
    const word = paper.words.get("Screen");
    const firstRow = camera.toScreen({ x: 0, y: 0 }).y - plan.pitch * camera.scale * 0.4;
    expect(word?.top).toBeGreaterThanOrEqual(0);
    expect(word?.bottom).toBeLessThanOrEqual(firstRow);
  },
);

test("free seats kept for wheelchair users and their companions have a sign each, taken ones none", () => {
  const seat = { row: "R", number: "1", section: "", y: 0 };
  const seats = [
    { ...seat, index: 0, x: 0, accessible: true, companion: false },
    { ...seat, index: 1, x: 55, accessible: false, companion: true },
    { ...seat, index: 2, x: 110, accessible: false, companion: false },
  ];
  const signsOf = (look: number) => [...painted(seats, look, 400).paper.words.keys()].filter((it) => it !== "R");
  expect(signsOf(LOOK.free)).toEqual(["Screen", SIGN.accessible, SIGN.companion]);
  expect(signsOf(LOOK.booked)).toEqual(["Screen"]);
});
