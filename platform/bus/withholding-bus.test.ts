import { expect, it } from "vitest";
import { plainCodec, type Endpoint } from "../../proto/index.ts";
import { systemClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { NoResponders } from "./bus.ts";
import { busContract } from "./testing-contract.ts";
import { InProcessBus } from "./in-process-bus.ts";
import { WithholdingBus } from "./withholding-bus.ts";

const log = createLogger({ name: "test", level: "silent" });
const create = (): WithholdingBus => new WithholdingBus(new InProcessBus({ clock: systemClock, log }), ["time"]);
const endpoint = (name: string): Endpoint<number, number> => ({ name, question: plainCodec(), answer: plainCodec() });
const [CARD, TIME] = [endpoint("card"), endpoint("time")];
const queue = { queue: "group" };
const patience = { timeoutMs: 60_000 };

busContract("bus that withholds", create, { encodes: false });

it("fails questions at once while they are withheld, but for some, and answers all once they are offered", async () => {
  const bus = create();
  bus.serve(CARD, (number, answer) => answer(number), queue);
  bus.serve(TIME, (number, answer) => answer(number), queue);
  bus.withhold();
  await expect(bus.request(CARD, 1, patience)).rejects.toThrow(NoResponders);
  expect(await bus.request(TIME, 2, patience)).toBe(2);
  bus.offer();
  bus.offer();
  expect(await bus.request(CARD, 3, patience)).toBe(3);
  await bus.close();
});

it("answers what was asked before, serves later what comes meanwhile, and nothing that was closed", async () => {
  const bus = create();
  const answers: (() => void)[] = [];
  const closed = bus.serve(CARD, (number, answer) => void answers.push(() => answer(number)), queue);
  const asked = bus.request(CARD, 1, patience);
  await expect.poll(() => answers.length).toBe(1);
  bus.withhold();
  answers[0]?.();
  expect(await asked).toBe(1);
  closed.close();
  bus.offer();
  await expect(bus.request(CARD, 2, patience)).rejects.toThrow(NoResponders);
  bus.withhold();
  bus.serve(CARD, (number, answer) => answer(number), queue);
  await expect(bus.request(CARD, 3, patience)).rejects.toThrow(NoResponders);
  bus.offer();
  expect(await bus.request(CARD, 4, patience)).toBe(4);
  await bus.close();
});
