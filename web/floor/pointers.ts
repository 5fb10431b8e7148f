import type { Point } from "./floor-plan.ts";

export interface PointerHandlers {
  readonly pan: (dx: number, dy: number) => void;
  readonly zoom: (factor: number, at: Point) => void;
  readonly tap: (at: Point, kind: "mouse" | "touch") => void;
  /** Undefined when the pointer has left. */
  readonly hover: (at: Point | undefined) => void;
}

/** A pointer that went no further than this, in CSS pixels, meant to stay. */
const STILL_PX = 8;
const WHEEL_ZOOM = 0.0022;
/** What is less is no zoom, but a fraction of a pixel. */
const ZOOMED = 1.01;

/** Mouse, pen and fingers: one pans, two pinch, a still one taps. A wheel zooms with Ctrl, as a trackpad's pinch does. */
export class Pointers {
  readonly #handlers: PointerHandlers;
  readonly #down = new Map<number, Point>();
  #start: Point | undefined;
  #still = false;

  constructor(handlers: PointerHandlers) {
    this.#handlers = handlers;
  }

  listen(element: HTMLElement, signal: AbortSignal): void {
    // Whoever has zoomed the page itself, with fingers beside the map, would not get away from it again.
    const giveWay = (): void => void (element.style.touchAction = isPageZoomed() ? "auto" : "");
    visualViewport?.addEventListener("resize", giveWay, { signal });
    giveWay();
    element.addEventListener("pointerdown", (event) => this.#onDown(element, event), { signal });
    element.addEventListener("pointermove", (event) => this.#onMove(event), { signal });
    element.addEventListener("pointerup", (event) => this.#onUp(event, true), { signal });
    element.addEventListener("pointercancel", (event) => this.#onUp(event, false), { signal });
    element.addEventListener("pointerleave", () => this.#handlers.hover(undefined), { signal });
    element.addEventListener("wheel", (event) => this.#onWheel(event), { signal, passive: false });
  }

  #onDown(element: HTMLElement, event: PointerEvent): void {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    this.#down.set(event.pointerId, placeOf(event));
    this.#still = this.#down.size === 1;
    this.#start = placeOf(event);
  }

  #onMove(event: PointerEvent): void {
    const at = placeOf(event);
    const before = this.#down.get(event.pointerId);
    if (before === undefined) {
      if (event.pointerType !== "touch") this.#handlers.hover(at);
      return;
    }
    if (this.#start !== undefined && distance(this.#start, at) > STILL_PX) this.#still = false;
    if (this.#still || (event.pointerType === "touch" && isPageZoomed())) return;
    const other = [...this.#down].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) this.#handlers.pan(at.x - before.x, at.y - before.y);
    else this.#handlers.zoom(distance(at, other) / Math.max(1, distance(before, other)), middle(at, other));
    this.#down.set(event.pointerId, at);
  }

  #onUp(event: PointerEvent, tapped: boolean): void {
    if (!this.#down.delete(event.pointerId)) return;
    if (tapped && this.#still) this.#handlers.tap(placeOf(event), event.pointerType === "mouse" ? "mouse" : "touch");
    this.#still = false;
  }

  #onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#handlers.zoom(Math.exp(-event.deltaY * WHEEL_ZOOM), placeOf(event));
  }
}

const isPageZoomed = (): boolean => visualViewport !== null && visualViewport.scale > ZOOMED;
const placeOf = ({ offsetX, offsetY }: MouseEvent): Point => ({ x: offsetX, y: offsetY });
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
