/** Reads the fields of a JSON message as the types they must have; keeps its first failure, as `MsgpackReader` does. */
export class JsonReader {
  failure: string | undefined = undefined;
  private readonly fields: ReadonlyMap<string, unknown>;

  constructor(message: object) {
    this.fields = new Map(Object.entries(message));
  }

  has(_position: number, what: string): boolean {
    return this.fields.has(what);
  }

  string(what: string): string {
    const value = this.fields.get(what);
    return typeof value === "string" ? value : this.fail(what, "a string", "");
  }

  uint(what: string): number {
    return this.asUint(this.fields.get(what), what);
  }

  uints(what: string): number[] {
    return this.array(what).map((value) => this.asUint(value, what));
  }

  array(what: string): readonly unknown[] {
    const value = this.fields.get(what);
    return Array.isArray(value) ? value : this.fail(what, "an array", []);
  }

  fail<T>(what: string, expected: string, instead: T): T {
    this.failure ??= `${what} must be ${expected}`;
    return instead;
  }

  private asUint(value: unknown, what: string): number {
    // Adding 0 makes a plain zero of JSON's negative one.
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
      ? value + 0
      : this.fail(what, "an integer of 0 to 2^53 - 1", 0);
  }
}
