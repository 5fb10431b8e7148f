/** An error of the operator's making. Its message is one sentence that says what is wrong and what to do; no stack is shown. */
export class ExplainedError extends Error {
  override readonly name = "ExplainedError";
}
