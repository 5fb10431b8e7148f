import type { Command, Query, Reply } from "../../proto/index.ts";

/** What the catalogue needs of the way to the engine. */
export interface Engine {
  ask(request: Command | Query): Promise<Reply>;
}
