import { decide, type ShowtimeState } from "../../engine/core/index.ts";
import type { Command, Outcome, SaleLimits } from "../../proto/index.ts";

/** What the state remembers to have answered to this request; undefined when it would decide it anew. */
export function firstAnswer(state: ShowtimeState, command: Command, limits: SaleLimits): Outcome | undefined {
  const decision = decide(state, command, state.at, limits);
  return decision.kind === "repeat" ? decision.outcome : undefined;
}
