import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { RENEW_EVERY_MS } from "./limits.ts";
import type { MemberTable } from "./member-table.ts";

interface Options {
  readonly table: Pick<MemberTable, "renew">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Renews an engine's row until it is cancelled: a while after each renewal is done the next, however long PostgreSQL takes. */
export function keepRenewing({ table, clock, log }: Options, firstAfterMs = RENEW_EVERY_MS): Timer {
  let isOver = false;
  const renew = async (): Promise<void> => {
    await table.renew().catch((error: unknown) => log.warn({ err: error }, "the engine's row cannot be renewed"));
    if (!isOver) timer = clock.after(RENEW_EVERY_MS, () => void renew());
  };
  let timer = clock.after(firstAfterMs, () => void renew());
  return {
    cancel() {
      isOver = true;
      timer.cancel();
    },
  };
}
