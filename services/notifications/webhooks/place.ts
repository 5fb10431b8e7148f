import { Type } from "typebox";
import { Id } from "../../../proto/rest/index.ts";

/** The end of the year 9999: what PostgreSQL, JavaScript and readers agree on. */
const TIME_MAX = 253_402_300_799_999;

/** Where a page ended: creation in milliseconds, and id. */
export const Place = Type.Tuple([Type.Integer({ minimum: 0, maximum: TIME_MAX }), Id]);
