import { buildSchema, graphqlSync } from "graphql";
import { expect, it, vi } from "vitest";
import { problemOf } from "../../../platform/http/index.ts";
import { publicError } from "./public-error.ts";

const schema = buildSchema("type Query { count(of: Int): Int! }");

it.each([
  ["a document that does not validate", "{ size }", undefined, "BAD_MESSAGE", false],
  ["a variable of another type", "query ($of: Int) { count(of: $of) }", 2 ** 31, "BAD_MESSAGE", false],
  ["a value that the answer's type cannot hold", "{ count(of: 1) }", undefined, "INTERNAL", true],
])("%s", (_what, source, of, code, isNoted) => {
  const refused = vi.fn(problemOf);
  const { errors = [] } = graphqlSync({ schema, source, rootValue: { count: 2 ** 31 }, variableValues: { of } });
  expect(errors.map((each) => publicError(each, refused).problem.code)).toEqual([code]);
  expect(refused).toHaveBeenCalledTimes(isNoted ? 1 : 0);
});
