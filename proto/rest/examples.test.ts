/** What OpenAPI shows of bodies is held against their schemas. */
import { Value } from "typebox/value";
import { expect, it } from "vitest";
import * as rest from "./index.ts";

interface Example {
  readonly path: string;
  readonly schema: object;
  readonly example: unknown;
}

/** Those of a schema and of all that is in it. */
function* examplesIn(schema: unknown, path: string): Generator<Example> {
  if (typeof schema !== "object" || schema === null) return;
  const { examples, ...rest } = schema as { readonly examples?: unknown };
  if (Array.isArray(examples)) for (const example of examples as unknown[]) yield { path, schema, example };
  for (const [key, part] of Object.entries(rest)) yield* examplesIn(part, `${path}.${key}`);
}

const EXAMPLES = Object.entries(rest).flatMap(([name, schema]) => [...examplesIn(schema, name)]);

it("finds them", () => {
  expect(EXAMPLES.length).toBeGreaterThan(100);
});

it.each(EXAMPLES)("the example of $path is one", ({ path, schema, example }) => {
  expect(Value.Errors(schema, example), path).toEqual([]);
});
