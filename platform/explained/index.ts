/**
 * An error whose message is one sentence for whoever started the process: what is wrong, and what to do. It is shown without a stack, and
 * holds no secret. All others are defects.
 */
export class ExplainedError extends Error {
  override readonly name: string = "ExplainedError";
}
