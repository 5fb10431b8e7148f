import type { Event, Outcome, Refusal } from "../../proto/index.ts";

/** What `decide` makes of a command. */
export type Decision =
  /** Evolve it, commit it, then answer `outcomeOf` it. */
  | { readonly kind: "event"; readonly event: Event }
  /** Nothing changes: the request was answered before, or what it asks for is so already. Answer once all it rests on is durable. */
  | { readonly kind: "repeat"; readonly outcome: Outcome }
  /** Nothing changes. Answer once all it rests on is durable. */
  | { readonly kind: "refused"; readonly refusal: Refusal };
