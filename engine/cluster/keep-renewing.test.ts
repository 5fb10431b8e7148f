import { pino } from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { keepRenewing } from "./keep-renewing.ts";
import { RENEW_EVERY_MS } from "./limits.ts";

it("writes an engine's row before anybody can count on it, and then again and again, until it is cancelled", async () => {
  const clock = new VirtualClock();
  let renewed = 0;
  const table = {
    async renew() {
      renewed++;
    },
  };
  const renewing = await keepRenewing({ table, clock, log: pino({ level: "silent" }) });
  expect(renewed).toBe(1);
  await clock.advance(RENEW_EVERY_MS);
  expect(renewed).toBe(2);
  renewing.cancel();
  await clock.advance(RENEW_EVERY_MS);
  expect(renewed).toBe(2);
});
