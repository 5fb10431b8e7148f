import type { Box, Point } from "./floor-plan.ts";

/** The closest look: CSS pixels from one seat to the next. */
const CLOSEST = 56;

/** From centimetres in the hall to CSS pixels in the canvas, and back. */
export class Camera {
  readonly #box: Box;
  readonly #pitch: number;
  scale = 1;
  width = 1;
  height = 1;
  #x = 0;
  #y = 0;
  /** The whole hall is in sight, and is to stay so when the canvas changes its size. */
  #isWhole = true;

  /** @param box What has to be in sight as a whole, margins included. */
  constructor(box: Box, pitch: number) {
    this.#box = box;
    this.#pitch = pitch;
  }

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    if (this.#isWhole || this.scale < this.#wholeScale) this.fit();
    else this.#settle();
  }

  fit(): void {
    this.scale = this.#wholeScale;
    this.#isWhole = true;
    this.#settle();
  }

  zoom(factor: number, at: Point = { x: this.width / 2, y: this.height / 2 }): void {
    const fixed = this.toHall(at);
    this.scale = Math.min(
      Math.max(this.scale * factor, this.#wholeScale),
      Math.max(this.#wholeScale, CLOSEST / this.#pitch),
    );
    this.#isWhole = this.scale === this.#wholeScale;
    this.#x = at.x - fixed.x * this.scale;
    this.#y = at.y - fixed.y * this.scale;
    this.#settle();
  }

  pan(dx: number, dy: number): void {
    this.#x += dx;
    this.#y += dy;
    this.#settle();
  }

  /** Moves no further than needed to have a point well in sight. */
  reveal(point: Point): void {
    const { x, y } = this.toScreen(point);
    const margin = Math.min(80, this.width / 4, this.height / 4);
    this.pan(
      Math.max(0, margin - x) - Math.max(0, x - (this.width - margin)),
      Math.max(0, margin - y) - Math.max(0, y - (this.height - margin)),
    );
  }

  toScreen({ x, y }: Point): Point {
    return { x: x * this.scale + this.#x, y: y * this.scale + this.#y };
  }

  toHall({ x, y }: Point): Point {
    return { x: (x - this.#x) / this.scale, y: (y - this.#y) / this.scale };
  }

  get #wholeScale(): number {
    const { left, right, top, bottom } = this.#box;
    return Math.min(this.width / (right - left), this.height / (bottom - top), CLOSEST / this.#pitch);
  }

  /** Keeps the hall in sight: centred where it is smaller than the canvas, else without a gap at its edges. */
  #settle(): void {
    const { left, right, top, bottom } = this.#box;
    this.#x = settle(this.#x, left * this.scale, right * this.scale, this.width);
    this.#y = settle(this.#y, top * this.scale, bottom * this.scale, this.height);
  }
}

function settle(offset: number, low: number, high: number, room: number): number {
  if (high - low <= room) return (room - low - high) / 2;
  return Math.min(-low, Math.max(room - high, offset));
}
