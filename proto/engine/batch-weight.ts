/**
 * What a message may ask of an engine. Be each request as long as a client's message may be, and each view one of the largest hall, question
 * and answer are less than the megabyte that NATS takes when it is not told to take more. Who asks for more sends more messages, in order.
 */
import type { Command, Query } from "./commands.ts";

export const BATCH_WEIGHT_MAX = 240;
const VIEW_WEIGHT = 24;

export const weightOf = ({ type }: Pick<Command | Query, "type">): number => (type === "view" ? VIEW_WEIGHT : 1);
