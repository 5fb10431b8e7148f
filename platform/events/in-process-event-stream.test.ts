import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DomainEvent } from "../../proto/index.ts";
import { VirtualClock } from "../clock/index.ts";
import { CONTRACT_DELIVERIES_MAX, eventStreamContract } from "./testing-contract.ts";
import { DeadLetters } from "./dead-letters.ts";
import { StreamBusy, StreamStopped } from "./event-stream.ts";
import { InProcessEventStream } from "./in-process-event-stream.ts";
import { DELIVERIES_PENDING_MAX, HANDLE_TIMEOUT_MS, HANDLERS_MAX } from "./limits.ts";
import { silent, testEvent, testEvents, type TestEvents } from "./testing.ts";

let t: TestEvents;
beforeAll(async () => {
  t = await testEvents();
});
afterAll(() => t.close());
beforeEach(async () => {
  await t.pool.query("truncate events.dead_letter");
});

eventStreamContract("in-process event stream", async () => ({
  stream: t.newStream({ deliveriesMax: CONTRACT_DELIVERIES_MAX }),
  deadLetters: t.deadLetters,
  close: async () => {},
}));

const event = (id: string): DomainEvent => testEvent("user.deleted", id, { userId: id }, id);

describe("in process", () => {
  it("has published an event only when every consumer has dealt with it", async () => {
    const stream = t.newStream();
    const finish: (() => void)[] = [];
    for (const name of ["tickets", "mail"]) {
      stream.consume({
        name,
        types: ["user.deleted"],
        handle: () => new Promise<void>((resolve) => void finish.push(resolve)),
      });
    }
    stream.start();
    let published = false;
    const publish = stream.publish(event("e1")).then(() => (published = true));
    await expect.poll(() => finish.length).toBe(2);
    finish[0]?.();
    await new Promise(setImmediate);
    expect(published).toBe(false);
    finish[1]?.();
    await publish;
    expect(stream.published.get("user.deleted")).toBe(1);
    await stream.stop();
  });

  it("refuses more than it may have under way", async () => {
    const stream = t.newStream();
    const publishes = Array.from({ length: DELIVERIES_PENDING_MAX }, (_, at) => stream.publish(event(`e${at}`)));
    await expect(stream.publish(event("one more"))).rejects.toThrow(StreamBusy);
    stream.start();
    await Promise.all(publishes);
    await stream.publish(event("one more"));
    await stream.stop();
  });

  it("refuses at once what still waits for its turn when the consumer closes, and waits for what runs", async () => {
    const stream = t.newStream();
    const finish: (() => void)[] = [];
    const consumer = stream.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: () => new Promise<void>((resolve) => void finish.push(resolve)),
    });
    stream.start();
    const publishes = Array.from({ length: HANDLERS_MAX + 2 }, (_, at) => stream.publish(event(`e${at}`)));
    await expect.poll(() => finish.length).toBe(HANDLERS_MAX);
    const closing = consumer.close();
    const waiting = publishes.splice(HANDLERS_MAX);
    await Promise.all(waiting.map((publish) => expect(publish).rejects.toThrow(StreamStopped)));
    for (const end of finish) end();
    await Promise.all([closing, ...publishes]);
    expect(finish).toHaveLength(HANDLERS_MAX);
    await stream.stop();
  });

  it("takes a consumer that hangs for one that failed", async () => {
    const clock = new VirtualClock();
    const deadLetters = new DeadLetters({ pool: t.pool, clock });
    const stream = new InProcessEventStream({ clock, log: silent, deadLetters });
    let deliveries = 0;
    const handle = (): Promise<void> => (++deliveries === 1 ? new Promise(() => {}) : Promise.resolve());
    stream.consume({ name: "tickets", types: ["user.deleted"], handle });
    stream.start();
    const publish = stream.publish(event("e1"));
    await clock.advance(HANDLE_TIMEOUT_MS + 1_000);
    await publish;
    expect(deliveries).toBe(2);
    await stream.stop();
  });

  it("does not give an event up while its dead letter cannot be written either", async () => {
    const stream = t.newStream({ deliveriesMax: 2 });
    let deliveries = 0;
    const handle = async (): Promise<void> => {
      deliveries++;
      if (deliveries === 5) await t.pool.query("alter table events.lost rename to dead_letter");
      if (deliveries < 6) throw new Error("the database is away");
    };
    stream.consume({ name: "tickets", types: ["user.deleted"], handle });
    await t.pool.query("alter table events.dead_letter rename to lost");
    stream.start();
    await stream.publish(event("e1"));
    expect(deliveries).toBe(5);
    expect(await t.deadLetters.count()).toBe(1);
    await stream.stop();
  });
});
