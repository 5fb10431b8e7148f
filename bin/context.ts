/** What a command is given of the world around it. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the built program lies: `bin/`, `engine/snapshot/worker.js`, `web/`. */
  readonly dist: URL;
  readonly version: string;
  /** Standard output, a line at a time. */
  print(line: string): void;
}
