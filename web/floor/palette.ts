/** The colours of style.css, which differ between light and dark. */
export interface Palette {
  readonly card: string;
  readonly ink: string;
  readonly quiet: string;
  readonly free: readonly [string, string, string, string];
  readonly held: string;
  readonly booked: string;
  readonly mine: string;
  readonly mineMark: string;
  readonly cursor: string;
  readonly screen: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    card: colour("card"),
    ink: colour("ink"),
    quiet: colour("quiet"),
    free: [colour("free-0"), colour("free-1"), colour("free-2"), colour("free-3")],
    held: colour("held"),
    booked: colour("booked"),
    mine: colour("mine"),
    mineMark: colour("mine-mark"),
    cursor: colour("cursor"),
    screen: colour("screen"),
  };
}

export const freeColour = ({ free }: Palette, category: number): string => free[category % free.length] ?? free[0];
