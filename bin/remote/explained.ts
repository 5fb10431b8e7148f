import { ClientClosed, Refused, Unreachable } from "../../client/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

/** What a client of Usher threw, in a sentence for whoever started the command; what is no refusal, as it was. */
export function explained(error: unknown): unknown {
  if (error instanceof Unreachable) {
    return new ExplainedError(`${capital(error.message)}: start it with npm start, or give its address with --http.`);
  }
  if (error instanceof Refused) return new ExplainedError(`Usher refused (${error.code}): ${error.message}`);
  if (error instanceof ClientClosed) return new ExplainedError(`${capital(error.message)}.`);
  return error;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
