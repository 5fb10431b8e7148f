/**
 * An error whose message is one sentence for whoever started the process: what is wrong, and what to do. It is shown without a stack, and
 * holds no secret. All others are defects.
 */
export class ExplainedError extends Error {
  override readonly name: string = "ExplainedError";
}

/** What was thrown, in its own words. Where a host's several addresses have all failed, the first of them speaks for all. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return messageOf(thrown.errors[0]);
  return thrown instanceof Error ? thrown.message : String(thrown);
}
