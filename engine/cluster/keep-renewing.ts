import { type Clock, every, type Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { RENEW_EVERY_MS } from "./limits.ts";
import type { MemberTable } from "./member-table.ts";

interface Options {
  readonly table: Pick<MemberTable, "renew">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Writes an engine's row, and renews it until it is cancelled: a while after each renewal is done the next, however long PostgreSQL takes. */
export async function keepRenewing({ table, clock, log }: Options): Promise<Timer> {
  await table.renew();
  return every(clock, RENEW_EVERY_MS, () =>
    table.renew().catch((error: unknown) => log.warn({ err: error }, "the engine's row cannot be renewed")),
  );
}
