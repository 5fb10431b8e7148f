import type { Layout } from "../../client/index.ts";
import { Camera } from "./camera.ts";
import { type Direction, FloorPlan, type Point } from "./floor-plan.ts";
import { paint } from "./painter.ts";
import { readPalette } from "./palette.ts";
import { Pointers } from "./pointers.ts";

export interface SeatMapOptions {
  readonly canvas: HTMLCanvasElement;
  readonly layout: Layout;
  readonly lookOf: (seat: number) => number;
  /** A seat was clicked, tapped, or chosen with the keyboard. */
  readonly chosen: (seat: number) => void;
  /** The keyboard went to a seat. */
  readonly visited: (seat: number) => void;
  /** The pointer is over a seat, or over none. */
  readonly hovered: (seat: number | undefined, at: Point) => void;
}

const ZOOM_STEP = 1.5;
/** Smaller than this, in CSS pixels, a seat cannot be meant: a click comes closer first. */
const AIMABLE_PX = { mouse: 7, touch: 16 } as const;
const COME_CLOSER = 3;
const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** The hall on a canvas: drawn anew once a frame when something changed, whatever changed. */
export class SeatMap {
  readonly plan: FloorPlan;
  readonly #options: SeatMapOptions;
  readonly #context: CanvasRenderingContext2D;
  readonly #camera: Camera;
  readonly #stop = new AbortController();
  readonly #resizes: ResizeObserver;
  #palette = readPalette();
  #frame = 0;
  #cursor: number | undefined;
  #hovered: number | undefined;

  constructor(options: SeatMapOptions) {
    this.#options = options;
    const { canvas } = options;
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser cannot draw on a canvas");
    this.#context = context;
    const plan = (this.plan = new FloorPlan(options.layout));
    this.#camera = new Camera(plan.frame, plan.pitch);
    this.#resizes = new ResizeObserver(() => this.#resize());
    this.#resizes.observe(canvas);
    this.#listen();
  }

  /** Something looks different now. A map that was closed has no canvas any more. */
  redraw(): void {
    if (this.#frame !== 0 || this.#stop.signal.aborted) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const cursor = document.activeElement === this.#options.canvas ? this.#cursor : undefined;
      const { plan, lookOf } = { plan: this.plan, lookOf: this.#options.lookOf };
      paint(this.#context, {
        plan,
        camera: this.#camera,
        palette: this.#palette,
        lookOf,
        cursor,
        hovered: this.#hovered,
      });
    });
  }

  zoomIn(): void {
    this.#zoom(ZOOM_STEP);
  }

  zoomOut(): void {
    this.#zoom(1 / ZOOM_STEP);
  }

  fit(): void {
    this.#camera.fit();
    this.redraw();
  }

  /** Moves so that a seat is in sight. */
  reveal(seat: number): void {
    const at = this.plan.seats[seat];
    if (at !== undefined) this.#camera.reveal(at);
    this.redraw();
  }

  close(): void {
    this.#stop.abort();
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #listen(): void {
    const { canvas } = this.#options;
    const { signal } = this.#stop;
    const redraw = (): void => this.redraw();
    canvas.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    canvas.addEventListener("focus", redraw, { signal });
    canvas.addEventListener("blur", redraw, { signal });
    // The browser's graphics have started anew, and left it empty and without its scale.
    canvas.addEventListener("contextrestored", () => this.#resize(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener(
      "change",
      () => {
        this.#palette = readPalette();
        this.redraw();
      },
      { signal },
    );
    const pointers = new Pointers({
      pan: (dx, dy) => this.#move(() => this.#camera.pan(dx, dy)),
      zoom: (factor, at) => this.#zoom(factor, at),
      tap: (at, kind) => this.#onTap(at, kind),
      hover: (at) => this.#onHover(at),
    });
    pointers.listen(canvas, signal);
  }

  #resize(): void {
    const { canvas } = this.#options;
    const density = devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * density);
    canvas.height = Math.round(canvas.clientHeight * density);
    this.#context.setTransform(density, 0, 0, density, 0, 0);
    this.#camera.resize(canvas.clientWidth, canvas.clientHeight);
    this.redraw();
  }

  #move(move: () => void): void {
    this.#options.hovered(undefined, { x: 0, y: 0 });
    move();
    this.redraw();
  }

  #zoom(factor: number, at?: Point): void {
    this.#move(() => this.#camera.zoom(factor, at));
  }

  #onTap(at: Point, kind: "mouse" | "touch"): void {
    const size = this.plan.pitch * this.#camera.scale;
    if (size < AIMABLE_PX[kind]) return this.#zoom(COME_CLOSER, at);
    const seat = this.#seatAt(at);
    if (seat === undefined) return;
    this.#cursor = seat;
    this.#options.chosen(seat);
    this.redraw();
  }

  #onHover(at: Point | undefined): void {
    const seat = at === undefined ? undefined : this.#seatAt(at);
    const { canvas } = this.#options;
    if (seat === undefined) delete canvas.dataset["over"];
    else canvas.dataset["over"] = "seat";
    if (seat === this.#hovered) return;
    this.#hovered = seat;
    const place = seat === undefined ? undefined : this.plan.seats[seat];
    this.#options.hovered(seat, place === undefined ? { x: 0, y: 0 } : this.#camera.toScreen(place));
    this.redraw();
  }

  #seatAt(at: Point): number | undefined {
    return this.plan.seatAt(this.#camera.toHall(at), this.plan.pitch * 0.6);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ARROWS[event.key];
    if (direction !== undefined) this.#go(direction);
    else if (event.key === "Enter" || event.key === " ") this.#chooseAtCursor();
    else if (event.key === "+" || event.key === "=") this.zoomIn();
    else if (event.key === "-") this.zoomOut();
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  #chooseAtCursor(): void {
    if (this.#cursor !== undefined) this.#options.chosen(this.#cursor);
  }

  #go(direction: Direction): void {
    const next = this.#cursor === undefined ? this.plan.middle : this.plan.neighbour(this.#cursor, direction);
    if (next === undefined) return;
    this.#cursor = next;
    // As close as a seat can be seen.
    const tooSmall = AIMABLE_PX.touch / (this.plan.pitch * this.#camera.scale);
    if (tooSmall > 1) this.#camera.zoom(tooSmall);
    this.reveal(next);
    this.#options.visited(next);
  }
}
