import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DomainEvent, EventName } from "../../proto/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type Consumer, type StartableEventStream, StreamStopped } from "./event-stream.ts";

export interface StreamUnderTest {
  /** New and empty, not started. It is patient for three deliveries, and for milliseconds between them. */
  readonly stream: StartableEventStream;
  readonly deadLetters: DeadLetters;
  /** After `stream.stop()`. */
  close(): Promise<void>;
}

export const CONTRACT_DELIVERIES_MAX = 3;

/** What every adapter of the event stream must do: the tests of one are the tests of all. */
export function eventStreamContract(name: string, makeStream: () => Promise<StreamUnderTest>): void {
  describe(name, () => {
    let made: StreamUnderTest;
    let stream: StartableEventStream;
    beforeEach(async () => {
      made = await makeStream();
      stream = made.stream;
    });
    afterEach(async () => {
      await stream.stop();
      await made.close();
    });

    const consume = (consumer: Partial<Consumer> & Pick<Consumer, "handle">) =>
      stream.consume({ name: "tickets", types: ["user.deleted"], ...consumer });

    /** A consumer that notes what it is given. */
    function collect(options: Partial<Consumer> = {}): DomainEvent[] {
      const events: DomainEvent[] = [];
      consume({ ...options, handle: async (event) => void events.push(event) });
      return events;
    }

    it("gives each consumer the whole events of its types, and no others", async () => {
      const tickets = collect();
      const mail = collect({ name: "mail", types: ["showtime.changed", "user.deleted"] });
      const other = collect({ name: "other", types: ["booking.created"] });
      stream.start();
      const deleted = userDeleted("u1", 1, "\u0000 \u202e \ud83c\udfad <b>'; drop table");
      const changed = showtimeChanged("s1");
      await Promise.all([deleted, changed].map((event) => stream.publish(event)));
      await expect.poll(() => mail.length).toBe(2);
      await expect.poll(() => tickets).toEqual([deleted]);
      expect(mail).toEqual(expect.arrayContaining([deleted, changed]));
      expect(other).toEqual([]);
    });

    it("keeps the order of each subject, for each consumer", async () => {
      const consumers = ["tickets", "mail"].map((name) => collect({ name }));
      stream.start();
      const publishes: Promise<void>[] = [];
      for (let number = 0; number < 500; number++) {
        for (const subject of ["u1", "u2", "u3"]) publishes.push(stream.publish(userDeleted(subject, number)));
      }
      await Promise.all(publishes);
      for (const events of consumers) {
        await expect.poll(() => events.length).toBe(1_500);
        for (const subject of ["u1", "u2", "u3"]) {
          const numbers = events.filter((event) => event.subject === subject).map(numberOf);
          expect(numbers).toEqual(Array.from({ length: 500 }, (_, number) => number));
        }
      }
    });

    it("shares events between the consumers of one name", async () => {
      const [one, two] = [collect(), collect()];
      stream.start();
      await Promise.all(Array.from({ length: 20 }, (_, at) => stream.publish(userDeleted(`u${at}`, at))));
      await expect.poll(() => one.length + two.length).toBe(20);
      expect(new Set([...one, ...two].map(numberOf)).size).toBe(20);
    });

    it("gives an event again to a consumer that failed, before the next of its subject and to nobody else", async () => {
      const tried: number[] = [];
      const mail = collect({ name: "mail" });
      consume({
        handle: async (event) => {
          tried.push(numberOf(event));
          if (tried.length < CONTRACT_DELIVERIES_MAX) throw new Error("not yet");
        },
      });
      stream.start();
      await Promise.all([stream.publish(userDeleted("u1", 1)), stream.publish(userDeleted("u1", 2))]);
      await expect.poll(() => tried).toEqual([1, 1, 1, 2]);
      await expect.poll(() => mail.map(numberOf)).toEqual([1, 2]);
      expect(await made.deadLetters.count()).toBe(0);
    });

    it("lets other subjects pass one whose consumer is slow", async () => {
      const done: string[] = [];
      let finish: () => void = () => {};
      const slow = new Promise<void>((resolve) => (finish = resolve));
      consume({
        handle: async ({ subject }) => {
          if (subject === "slow") await slow;
          done.push(subject);
        },
      });
      stream.start();
      const publishes = ["slow", "quick", "slow", "quicker"].map((subject, number) =>
        stream.publish(userDeleted(subject, number)),
      );
      await expect.poll(() => done).toEqual(["quick", "quicker"]);
      finish();
      await Promise.all(publishes);
      await expect.poll(() => done.length).toBe(4);
    });

    it("puts a poisonous event aside, goes on with its subject, and hands it over again when asked", async () => {
      const given: number[] = [];
      let poisonous = true;
      const mail = collect({ name: "mail" });
      consume({
        handle: async (event) => {
          given.push(numberOf(event));
          if (numberOf(event) === 1 && poisonous) throw new Error("cannot be digested");
        },
      });
      stream.start();
      await Promise.all([stream.publish(userDeleted("u1", 1)), stream.publish(userDeleted("u1", 2))]);
      await expect.poll(() => given).toEqual([1, 1, 1, 2]);
      const [letter] = await made.deadLetters.list({ limit: 10 });
      expect(letter).toMatchObject({ consumer: "tickets", attempts: CONTRACT_DELIVERIES_MAX, replayWanted: false });
      expect(letter?.error).toContain("cannot be digested");
      expect(letter && numberOf(letter.event)).toBe(1);

      await made.deadLetters.replay("all");
      await expect.poll(async () => (await made.deadLetters.list({ limit: 10 }))[0]?.attempts, SOON).toBe(4);
      expect((await made.deadLetters.list({ limit: 10 }))[0]?.replayWanted).toBe(false);

      poisonous = false;
      await made.deadLetters.replay([letter?.id ?? ""]);
      await expect.poll(() => made.deadLetters.count(), SOON).toBe(0);
      expect(given).toEqual([1, 1, 1, 2, 1, 1]);
      expect(mail.map(numberOf)).toEqual([1, 2]);
    });

    it("holds what is published before the start until every consumer is there", async () => {
      const early = stream.publish(userDeleted("u1", 1));
      const events = collect();
      stream.start();
      await early;
      await expect.poll(() => events.map(numberOf)).toEqual([1]);
    });

    it("gives a consumer that closed nothing more", async () => {
      const events: DomainEvent[] = [];
      const subscription = consume({ handle: async (event) => void events.push(event) });
      const others = collect({ name: "mail" });
      stream.start();
      await stream.publish(userDeleted("u1", 1));
      await expect.poll(() => events.length).toBe(1);
      await subscription.close();
      await stream.publish(userDeleted("u1", 2));
      await expect.poll(() => others.length).toBe(2);
      expect(events.map(numberOf)).toEqual([1]);
    });

    it("finishes what runs at a stop, begins nothing more and publishes nothing more", async () => {
      const [begun, ended]: [number[], number[]] = [[], []];
      let finish: () => void = () => {};
      const work = new Promise<void>((resolve) => (finish = resolve));
      consume({
        handle: async (event) => {
          begun.push(numberOf(event));
          await work;
          ended.push(numberOf(event));
        },
      });
      stream.start();
      const publishes = Promise.allSettled([1, 2].map((number) => stream.publish(userDeleted("u1", number))));
      await expect.poll(() => begun).toEqual([1]);
      const stopped = stream.stop();
      finish();
      await Promise.all([stopped, publishes]);
      expect({ begun, ended }).toEqual({ begun: [1], ended: [1] });
      await expect(stream.publish(userDeleted("u1", 3))).rejects.toThrow(StreamStopped);
    });
  });
}

/** A replay is looked for about once a second. */
const SOON = { timeout: 10_000 };

const numberOf = (event: DomainEvent): number => Number(event.id.split("-")[1]);

const envelope = (type: EventName, subject: string, number: number) => ({
  specversion: "1.0" as const,
  id: `${subject}-${number}-${type}`,
  source: "/usher/test",
  subject,
  time: "2026-01-01T00:00:00.000Z",
  datacontenttype: "application/json" as const,
});

const userDeleted = (subject: string, number: number, userId = subject): DomainEvent => ({
  ...envelope("user.deleted", subject, number),
  type: "user.deleted",
  data: { userId },
});

const showtimeChanged = (subject: string): DomainEvent => ({
  ...envelope("showtime.changed", subject, 0),
  type: "showtime.changed",
  data: { showtimeId: subject, movieId: "m1" },
});
