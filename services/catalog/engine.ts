import { holderId } from "../../proto/index.ts";

/** In whose name the catalogue asks. */
export const CATALOG = holderId("catalog");
