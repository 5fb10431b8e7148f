/** @param done may be told of operations as they are done; of those that it is not told of nobody knows more than that they were done in this go */
export type Go = (done: (operations: number) => void) => void | Promise<void>;

/** Something of the engine that is measured alone, on one thread. */
export interface Work {
  /** Operations in one go. */
  readonly count: number;
  /** Makes what a go needs, before the clock starts. */
  prepare(): Go | Promise<Go>;
  /** Once it is measured no more. */
  close?(): Promise<void>;
}
