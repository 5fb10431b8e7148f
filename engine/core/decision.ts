import type { AnswerEvent, ErrorCode, Outcome, Refusal } from "../../proto/index.ts";

/** What `decide` makes of a command. */
export type Decision =
  /** Evolve it, commit it, then answer `outcomeOf` it. */
  | { readonly kind: "event"; readonly event: AnswerEvent }
  /** Nothing changes: the request was answered before, or what it asks for is so already. Answer once all it rests on is durable. */
  | { readonly kind: "repeat"; readonly outcome: Outcome }
  | Refused;

/** Nothing changes. Answer once all it rests on is durable. */
export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
}

export const decided = (event: AnswerEvent): Decision => ({ kind: "event", event });

export const already = (outcome: Outcome): Decision => ({ kind: "repeat", outcome });

export const refuse = (code: ErrorCode, message: string, seats?: readonly number[]): Refused => ({
  kind: "refused",
  refusal: seats === undefined ? { type: "refused", code, message } : { type: "refused", code, message, seats },
});
