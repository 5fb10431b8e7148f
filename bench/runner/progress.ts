/** What is being done: one line that renews itself on a terminal, a line each elsewhere. */
export interface Progress {
  /** What is under way now. */
  show(text: string): void;
  /** A line that stays. */
  say(line: string): void;
  clear(): void;
}

const CLEAR_LINE = "\r\u001B[2K";

export function createProgress(stream: NodeJS.WriteStream): Progress {
  stream.on("error", () => undefined); // A terminal that is gone need not be told: the results are in files.
  if (!stream.isTTY) {
    const say = (line: string): void => void stream.write(`${line}\n`);
    return { show: say, say, clear: () => undefined };
  }
  return {
    show: (text) => void stream.write(`${CLEAR_LINE}${text.slice(0, Math.max(20, stream.columns - 1))}`),
    say: (line) => void stream.write(`${CLEAR_LINE}${line}\n`),
    clear: () => void stream.write(CLEAR_LINE),
  };
}
