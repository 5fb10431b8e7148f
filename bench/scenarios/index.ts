/** Every scenario there is. A new one is a file beside this one, and a line here. */
import type { Scenario } from "../runner/scenario.ts";
import { holdRush } from "./hold-rush.ts";

export const SCENARIOS: readonly Scenario[] = [holdRush];
