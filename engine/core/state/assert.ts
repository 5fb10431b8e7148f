/** A defect of the core, or events that it never decided: the state cannot be trusted any more. */
export class BrokenInvariant extends Error {
  override readonly name = "BrokenInvariant";
}

export function assert(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new BrokenInvariant(otherwise);
}
