/** The part of a terminal that is drawn on; `process.stdout` is one. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** A terminal's size, or that of a part of one. */
export interface Room {
  readonly columns: number;
  readonly lines: number;
}

const ALTERNATE_SCREEN = "\u001b[?1049h\u001b[?25l";
const MAIN_SCREEN = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_REST_OF_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** Draws whole frames over one another, without flicker, and leaves the terminal as it was. */
export class Screen {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.write(ALTERNATE_SCREEN);
  }

  /** What there is now, besides so many lines. */
  room(besides: number): Room {
    return { columns: this.#terminal.columns ?? 80, lines: this.#lines - besides };
  }

  draw(lines: readonly string[]): void {
    const fitting = lines.slice(0, this.#lines);
    this.#terminal.write(`${HOME}${fitting.join(`${CLEAR_REST_OF_LINE}\r\n`)}${CLEAR_REST_OF_LINE}${CLEAR_BELOW}`);
  }

  leave(): void {
    this.#terminal.write(MAIN_SCREEN);
  }

  get #lines(): number {
    return this.#terminal.rows ?? 24;
  }
}
