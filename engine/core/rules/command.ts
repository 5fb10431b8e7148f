import type { Command, Event } from "../../../proto/index.ts";

export type CommandOf<Type extends Command["type"]> = Extract<Command, { type: Type }>;
export type EventOf<Type extends Event["type"]> = Extract<Event, { type: Type }>;
