import { isDeepStrictEqual } from "node:util";
import type { Compilable, CompiledQuery } from "kysely";

/** Statements that differ in nothing but their values are built once: to build one takes a process longer than to send it and to read its answer. */
export class BuiltOnce {
  readonly #built = new Map<string, CompiledQuery<unknown>>();

  /**
   * To be carried out with these values.
   * @param shape says what the statement is made of, besides
   * @param values in the order in which it has them
   */
  with<Row>(shape: string, values: readonly unknown[], build: () => Compilable<Row>): CompiledQuery<Row> {
    const known = this.#built.get(shape) as CompiledQuery<Row> | undefined; // What was built of a shape has its rows.
    if (known !== undefined) return { ...known, parameters: values };
    const built = build().compile();
    if (!isDeepStrictEqual(built.parameters, values)) throw new Error(`"${shape}" has other values: ${built.sql}`);
    this.#built.set(shape, built);
    return built;
  }
}
