import type { LayoutSeat } from "../../client/index.ts";
import type { Camera } from "./camera.ts";
import { type FloorPlan, type Point, SCREEN_BEND } from "./floor-plan.ts";
import { freeColour, type Palette } from "./palette.ts";

/** How one seat looks. Free seats of the n-th category look like `free + n`. */
export const LOOK = { blocked: 0, booked: 1, held: 2, asked: 3, mine: 4, free: 5 } as const;
const CATEGORY_LOOKS = 4;
const LOOKS = LOOK.free + CATEGORY_LOOKS;

/** Below this many CSS pixels a seat is a square without detail. */
const DETAIL_PX = 5;
const MARK_PX = 11;
/** The screen's name. */
const WORD_PX = 12;
const WORD_GAP_PX = 4;
const TAU = Math.PI * 2;

/** Signs on free seats that are kept for some. The variation selector asks for the plain sign, not a coloured picture. */
export const SIGN = { accessible: "\u267f\ufe0e", companion: "C" } as const;
export type Sign = (typeof SIGN)[keyof typeof SIGN];

/** x and y of one seat after another, in CSS pixels: an object for each would be 20,000 a frame. */
type Places = number[];

export interface Scene {
  readonly plan: FloorPlan;
  readonly camera: Camera;
  readonly palette: Palette;
  /** One of `LOOK` for each seat. */
  readonly lookOf: (seat: number) => number;
  /** The seat that the keyboard is at. */
  readonly cursor: number | undefined;
  readonly hovered: number | undefined;
}

/**
 * Draws a hall anew. Seats are sorted by look first, so that 20,000 of them take some ten changes of colour and not 20,000; what is
 * out of sight is left out.
 */
export function paint(context: CanvasRenderingContext2D, scene: Scene): void {
  const { plan, camera, palette } = scene;
  const radius = plan.pitch * camera.scale * 0.4;
  context.clearRect(0, 0, camera.width, camera.height);
  paintScreen(context, scene);
  const byLook: Places[] = Array.from({ length: LOOKS }, () => []);
  const signed = new Map<Sign, Places>([
    [SIGN.accessible, []],
    [SIGN.companion, []],
  ]);
  const { x: left, y: top } = camera.toScreen({ x: 0, y: 0 });
  for (const seat of plan.seats) {
    const x = seat.x * camera.scale + left;
    const y = seat.y * camera.scale + top;
    if (x < -radius || y < -radius || x > camera.width + radius || y > camera.height + radius) continue;
    const look = scene.lookOf(seat.index);
    byLook[look]?.push(x, y);
    const sign = look >= LOOK.free ? signOf(seat) : undefined;
    if (sign !== undefined) signed.get(sign)?.push(x, y);
  }
  for (const [look, seats] of byLook.entries()) paintSeats(context, look, seats, radius, palette);
  if (radius * 2 >= MARK_PX) for (const [sign, seats] of signed) paintSigns(context, sign, seats, radius, palette);
  paintLabels(context, scene);
  paintRing(context, scene, scene.hovered, radius, palette.quiet, 1.5);
  paintRing(context, scene, scene.cursor, radius, palette.cursor, 3);
}

/** One seat alone, for the legend. */
export function paintSeat(
  context: CanvasRenderingContext2D,
  { look, sign }: { readonly look: number; readonly sign: Sign | undefined },
  at: Point,
  radius: number,
  palette: Palette,
): void {
  paintSeats(context, look, [at.x, at.y], radius, palette);
  if (sign !== undefined) paintSigns(context, sign, [at.x, at.y], radius, palette);
}

function paintSeats(
  context: CanvasRenderingContext2D,
  look: number,
  seats: Places,
  radius: number,
  palette: Palette,
): void {
  if (seats.length === 0) return;
  const colour = colourOf(look, palette);
  context.fillStyle = context.strokeStyle = colour;
  context.globalAlpha = look === LOOK.asked ? 0.5 : 1;
  if (radius * 2 < DETAIL_PX) {
    const side = Math.max(1, radius * 2);
    each(seats, (x, y) => context.fillRect(x - side / 2, y - side / 2, side, side));
  } else {
    // Shapes differ as well as colours: a ring is held, a small dot booked, an outline blocked.
    const hollow = look === LOOK.held || look === LOOK.blocked;
    context.lineWidth = look === LOOK.held ? radius * 0.45 : 1;
    const size = look === LOOK.booked ? radius * 0.6 : look === LOOK.held ? radius * 0.75 : radius;
    context.beginPath();
    each(seats, (x, y) => {
      context.moveTo(x + size, y);
      context.arc(x, y, size, 0, TAU);
    });
    if (hollow) context.stroke();
    else context.fill();
    if (look === LOOK.mine && radius * 2 >= MARK_PX) paintChecks(context, seats, radius, palette);
  }
  context.globalAlpha = 1;
}

function each(seats: Places, paintOne: (x: number, y: number) => void): void {
  for (let at = 0; at < seats.length; at += 2) paintOne(seats[at] ?? 0, seats[at + 1] ?? 0);
}

function colourOf(look: number, palette: Palette): string {
  if (look >= LOOK.free) return freeColour(palette, look - LOOK.free);
  if (look === LOOK.held) return palette.held;
  return look === LOOK.mine || look === LOOK.asked ? palette.mine : palette.booked;
}

function paintChecks(context: CanvasRenderingContext2D, seats: Places, radius: number, palette: Palette): void {
  context.strokeStyle = palette.mineMark;
  context.lineWidth = Math.max(1.5, radius * 0.22);
  context.beginPath();
  each(seats, (x, y) => {
    context.moveTo(x - radius * 0.42, y + radius * 0.02);
    context.lineTo(x - radius * 0.1, y + radius * 0.34);
    context.lineTo(x + radius * 0.46, y - radius * 0.32);
  });
  context.stroke();
}

function signOf({ accessible, companion }: LayoutSeat): Sign | undefined {
  if (accessible) return SIGN.accessible;
  return companion ? SIGN.companion : undefined;
}

function paintSigns(
  context: CanvasRenderingContext2D,
  sign: Sign,
  seats: Places,
  radius: number,
  palette: Palette,
): void {
  context.fillStyle = palette.card;
  context.font = `${radius * 1.4}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  each(seats, (x, y) => context.fillText(sign, x, y + radius * 0.08));
}

function paintScreen(context: CanvasRenderingContext2D, { plan, camera, palette }: Scene): void {
  const { left, right } = plan.box;
  const inset = (right - left) * 0.14;
  const y = plan.screenY;
  const from = camera.toScreen({ x: left + inset, y });
  const to = camera.toScreen({ x: right - inset, y });
  context.strokeStyle = palette.screen;
  context.lineWidth = Math.max(3, plan.pitch * camera.scale * 0.18);
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.quadraticCurveTo((from.x + to.x) / 2, from.y - (right - left) * SCREEN_BEND * camera.scale, to.x, to.y);
  context.stroke();
  // Where there is no room before the first row, the word is on the line.
  const room = (plan.box.top - y - plan.pitch * 0.4) * camera.scale;
  const isBelow = room >= WORD_PX + WORD_GAP_PX;
  const bend = (right - left) * SCREEN_BEND * camera.scale;
  const at = { x: (from.x + to.x) / 2, y: isBelow ? from.y + WORD_GAP_PX : from.y - bend / 2 };
  context.font = `${WORD_PX}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = isBelow ? "top" : "middle";
  context.lineWidth = 8;
  context.lineJoin = "round";
  context.strokeStyle = palette.card;
  if (!isBelow) context.strokeText("Screen", at.x, at.y);
  context.fillStyle = palette.quiet;
  context.fillText("Screen", at.x, at.y);
}

function paintLabels(context: CanvasRenderingContext2D, { plan, camera, palette }: Scene): void {
  const pitch = plan.pitch * camera.scale;
  context.textAlign = "center";
  context.textBaseline = "middle";
  if (pitch >= 9) {
    context.fillStyle = palette.quiet;
    context.font = `${Math.min(14, pitch * 0.65)}px system-ui, sans-serif`;
    for (const label of plan.rowLabels) {
      const { x, y } = camera.toScreen(label);
      context.fillText(label.text, x, y);
    }
  }
  if (pitch >= 14) return;
  context.font = "600 13px system-ui, sans-serif";
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = palette.card;
  context.fillStyle = palette.ink;
  for (const label of plan.sectionLabels) {
    if (label.width * camera.scale < 30) continue;
    const { x, y } = camera.toScreen(label);
    context.strokeText(label.text, x, y);
    context.fillText(label.text, x, y);
  }
}

function paintRing(
  context: CanvasRenderingContext2D,
  { plan, camera }: Scene,
  index: number | undefined,
  radius: number,
  colour: string,
  width: number,
): void {
  const seat = index === undefined ? undefined : plan.seats[index];
  if (seat === undefined) return;
  const { x, y } = camera.toScreen(seat);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, Math.max(4, radius + width), 0, TAU);
  context.stroke();
}
