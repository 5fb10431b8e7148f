import { expect, it } from "vitest";
import { VirtualClock } from "../../clock/index.ts";
import { HANDLER_LOOK_EVERY_MS, HANDLER_TIMEOUT_MS } from "../limits.ts";
import { testServer } from "../testing.ts";

it("answers for a handler that takes too long, and lets one that does not answer for itself", async () => {
  const clock = new VirtualClock();
  const server = await testServer({ clock });
  try {
    let finish = () => {};
    let started = 0;
    const begun = new Promise<void>((resolve) => {
      server.app.get("/slow", async () => {
        if (++started === 2) resolve();
        return new Promise((answer) => (finish = () => answer({ late: true })));
      });
    });
    const first = server.app.inject({ url: "/slow" });
    const second = clock.advance(HANDLER_LOOK_EVERY_MS).then(() => server.app.inject({ url: "/slow" }));
    await begun;
    await clock.advance(HANDLER_TIMEOUT_MS - 1);
    const late = await first;
    expect([late.statusCode, late.json()]).toEqual([503, expect.objectContaining({ code: "UNAVAILABLE" })]);
    finish();
    expect((await second).json()).toEqual({ late: true });
  } finally {
    await server.close();
  }
});
