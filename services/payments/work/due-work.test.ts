import { expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { createLogger } from "../../../platform/log/index.ts";
import type { Agenda } from "../book/agenda.ts";
import { DueWork } from "./due-work.ts";
import type { Stepper } from "./stepper.ts";
import type { SeenPayment } from "../tables.ts";

it("goes on when a payment cannot be looked at, as when nobody can be told of it any more", async () => {
  const clock = new VirtualClock();
  const due = ["pay_1", "pay_2"].map((id) => ({ id }) as SeenPayment);
  const looked: string[] = [];
  const work = new DueWork({
    method: "mock",
    // The casts: that is all it asks of them.
    agenda: { takeDue: async () => due.splice(0, 1) } as unknown as Agenda,
    stepper: {
      async lookAgain({ id }: SeenPayment) {
        looked.push(id);
        throw new Error("the bus is closed");
      },
    } as unknown as Stepper,
    clock,
    log: createLogger({ level: "silent", name: "test" }),
  });
  work.start();
  await clock.advance(60_000);
  await work.stop();
  expect(looked).toEqual(["pay_1", "pay_2"]);
});
