import { JetStreamApiError } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { patiently } from "./jetstream-setup.ts";
import { JETSTREAM_READY_AGAIN_MS, JETSTREAM_READY_WITHIN_MS } from "./limits.ts";

const refusal = (err_code: number) => new JetStreamApiError({ code: 400, err_code, description: "no" });

it.each([10_008, 10_065])(
  "what a cluster refuses with %i, while it starts or others set it up, is asked again",
  async (code) => {
    const clock = new VirtualClock();
    let times = 0;
    const done = patiently(clock, async () => {
      if (++times < 3) throw refusal(code);
    });
    await clock.advance(2 * JETSTREAM_READY_AGAIN_MS);
    await done;
    expect(times).toBe(3);
  },
);

it("is told in the end, and any other refusal at once", async () => {
  const clock = new VirtualClock();
  const overlaps = patiently(clock, () => Promise.reject(refusal(10_065)));
  const told = expect(overlaps).rejects.toMatchObject({ code: 10_065 });
  await clock.advance(JETSTREAM_READY_WITHIN_MS + JETSTREAM_READY_AGAIN_MS);
  await told;
  await expect(patiently(clock, () => Promise.reject(refusal(10_047)))).rejects.toMatchObject({ code: 10_047 });
});
