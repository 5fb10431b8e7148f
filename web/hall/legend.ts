import type { Layout, Showtime } from "../../client/index.ts";
import { byId, create } from "../dom.ts";
import { LOOK, paintSeat, type Sign, SIGN } from "../floor/painter.ts";
import { readPalette } from "../floor/palette.ts";
import { formatMoney } from "../format.ts";

const SIDE = 16;

/** What the seats' looks mean, drawn by the same hand as the seats, in the colours of the moment. */
export function showLegend({ categories }: Pick<Showtime, "categories">, { seats }: Pick<Layout, "seats">): void {
  const free = categories.map(({ name, price }, index) =>
    entry(LOOK.free + Math.min(3, index), `${name}, ${formatMoney(price)}`),
  );
  const places = seats.some(({ accessible }) => accessible)
    ? [entry(LOOK.free, "wheelchair place", SIGN.accessible)]
    : [];
  const companions = seats.some(({ companion }) => companion)
    ? [entry(LOOK.free, "seat of a wheelchair user’s companion", SIGN.companion)]
    : [];
  const others = [entry(LOOK.mine, "yours"), entry(LOOK.held, "somebody is deciding"), entry(LOOK.booked, "booked")];
  byId("legend", HTMLElement).replaceChildren(...free, ...places, ...companions, ...others);
}

function entry(look: number, text: string, sign?: Sign): HTMLLIElement {
  const density = devicePixelRatio;
  const canvas = create("canvas", { width: SIDE * density, height: SIDE * density });
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  context?.scale(density, density);
  const at = { x: SIDE / 2, y: SIDE / 2 };
  if (context !== null) paintSeat(context, { look, sign }, at, SIDE * 0.42, readPalette());
  return create("li", {}, canvas, text);
}
