/** Something of the engine that is measured alone, on one thread. */
export interface Work {
  /** Operations in one go. */
  readonly count: number;
  /** Makes what a go needs, before the clock starts. */
  prepare(): (() => void) | (() => Promise<void>) | Promise<() => Promise<void>>;
  /** Once it is measured no more. */
  close?(): Promise<void>;
}
