import { type Command, holderId, type Query, type Reply } from "../../proto/index.ts";

/** What the catalogue needs of the way to the engine. */
export interface Engine {
  ask(request: Command | Query): Promise<Reply>;
}

/** In whose name the catalogue asks. */
export const CATALOG = holderId("catalog");
