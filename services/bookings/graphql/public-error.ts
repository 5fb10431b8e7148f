import type { GraphQLError, GraphQLFormattedError } from "graphql";
import { Problem } from "../../../platform/http/index.ts";

/** An error of an answer, as the client may read it. */
export interface PublicError {
  /** Why, in the words of REST. */
  readonly problem: Problem;
  /** Where in the document, and where in the answer: without a `path` nothing was executed. */
  readonly at: Pick<GraphQLFormattedError, "locations" | "path">;
}

/** The reason, where it is the client's to know. @param refused is told of what is not the client's own fault, and says what it is in REST */
export function publicError(error: unknown, refused: (cause: unknown) => Problem): PublicError {
  const { locations, path } = isGraphqlError(error) ? error.toJSON() : {};
  const at = { ...(locations && { locations }), ...(path && { path }) };
  if (isGraphqlError(error) && isOfClient(error)) return { problem: new Problem("BAD_MESSAGE", error.message), at };
  const cause = isGraphqlError(error) ? (error.originalError ?? error) : error;
  return { problem: refused(cause), at };
}

/**
 * GraphQL's own refusals are the client's fault, and so are those of scalars, which come wrapped in another, but for what an answer cannot
 * hold: such a value is of no place in the document.
 */
function isOfClient({ path, originalError }: GraphQLError): boolean {
  if (originalError !== undefined && !isGraphqlError(originalError)) return false;
  return path === undefined || originalError?.nodes !== undefined;
}

/** By its name: mercurius may have loaded another copy of the class (`graphql` comes as a CommonJS and as an ES module). */
const isGraphqlError = (error: unknown): error is GraphQLError =>
  error instanceof Error && error.name === "GraphQLError";
