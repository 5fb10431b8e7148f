import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainCodec, type Codec, type Endpoint, type Topic } from "../../proto/index.ts";
import { BusClosed, NoResponders, RequestTimeout, type Bus } from "./bus.ts";

/** Long enough that a test which needs it has failed. */
const AMPLE_MS = 20_000;

/**
 * What every adapter of the bus must do: the tests of one are the tests of all.
 * @param makeBus a new bus, empty, on which nobody else talks; each test closes its own.
 * @param options.encodes false: values are handed over as they are, so that codecs are not asked.
 */
export function busContract(name: string, makeBus: () => Promise<Bus> | Bus, options: { encodes: boolean }): void {
  describe(name, () => {
    let bus: Bus;
    beforeEach(async () => {
      bus = await makeBus();
    });
    afterEach(() => bus.close());

    describe("publish and subscribe", () => {
      it("delivers 10,000 messages in order to every subscriber", async () => {
        const numbers = Array.from({ length: 10_000 }, (_, at) => at);
        const first = collect(bus, topic("numbers"), numbers.length);
        const second = collect(bus, topic("numbers"), numbers.length);
        for (const number of numbers) bus.publish(topic("numbers"), number);
        expect(await first.all).toEqual(numbers);
        expect(await second.all).toEqual(numbers);
      });

      it("carries whole objects, and keeps subjects apart", async () => {
        const value = {
          id: "h1",
          seats: [1, 2, 3],
          nested: { held: true, nothing: null },
          bytes: new Uint8Array([1, 2]),
        };
        const wanted = collect(bus, topic<typeof value>("object.a"), 1);
        const other = collect(bus, topic("object.b"), 1);
        bus.publish(topic<typeof value>("object.a"), value);
        expect(await wanted.all).toMatchObject([{ ...value, bytes: expect.anything() as unknown }]);
        expect(Array.from((await wanted.all)[0]?.bytes ?? [])).toEqual([1, 2]);
        expect(other.values).toEqual([]);
      });

      it("never delivers while the sender is still running", async () => {
        const received = collect(bus, topic("later"), 1);
        bus.publish(topic("later"), 1);
        expect(received.values).toEqual([]);
        expect(await received.all).toEqual([1]);
      });

      it("gives nothing to who subscribes after the message was sent", async () => {
        bus.publish(topic("early"), 1);
        const received = collect(bus, topic("early"), 1);
        bus.publish(topic("early"), 2);
        expect(await received.all).toEqual([2]);
      });

      it("stops at once when a subscription is closed, twice if need be", async () => {
        const received: number[] = [];
        const subscription = bus.subscribe(topic<number>("stop"), (value) => void received.push(value));
        const others = collect(bus, topic("stop"), 2);
        bus.publish(topic("stop"), 1);
        subscription.close();
        subscription.close();
        bus.publish(topic("stop"), 2);
        expect(await others.all).toEqual([1, 2]);
        expect(received).toEqual([]);
      });

      it("lets a handler close its own subscription and publish more", async () => {
        const received: number[] = [];
        const subscription = bus.subscribe(topic<number>("once"), (value) => {
          received.push(value);
          subscription.close();
          bus.publish(topic("once"), 3);
        });
        const others = collect(bus, topic("once"), 3);
        bus.publish(topic("once"), 1);
        bus.publish(topic("once"), 2);
        expect(await others.all).toEqual([1, 2, 3]);
        expect(received).toEqual([1]);
      });

      it("goes on after a handler that throws, for it and for the others", async () => {
        const received: number[] = [];
        bus.subscribe(topic<number>("thrower"), (value) => {
          received.push(value);
          throw new Error("a handler that fails on purpose");
        });
        const others = collect(bus, topic("thrower"), 2);
        bus.publish(topic("thrower"), 1);
        bus.publish(topic("thrower"), 2);
        expect(await others.all).toEqual([1, 2]);
        expect(received).toEqual([1, 2]);
      });

      it("gives each message to one member of a queue group, and every member its share", async () => {
        const messages = 900;
        const shares = [0, 0, 0];
        const received = new Promise<void>((resolve) => {
          let left = messages;
          for (const member of shares.keys()) {
            const handler = (): void => {
              shares[member] = (shares[member] ?? 0) + 1;
              if (--left === 0) resolve();
            };
            bus.subscribe(topic("work"), handler, { queue: "workers" });
          }
        });
        const witness = collect(bus, topic("work"), messages);
        for (let at = 0; at < messages; at++) bus.publish(topic("work"), at);
        await received;
        expect(await witness.all).toHaveLength(messages);
        expect(shares.reduce((sum, share) => sum + share)).toBe(messages);
        for (const share of shares) expect(share).toBeGreaterThan(messages / 10);
      });
    });

    describe("request and serve", () => {
      it("answers 1,000 concurrent requests, each with its own answer, in whatever order they come", async () => {
        const waiting: (() => void)[] = [];
        bus.serve(DOUBLE, (number, answer) => {
          waiting.push(() => answer(number * 2));
          if (waiting.length < 100) return;
          for (const reply of waiting.splice(0).toReversed()) reply();
        });
        const numbers = Array.from({ length: 1000 }, (_, at) => at);
        const answers = await Promise.all(
          numbers.map((number) => bus.request(DOUBLE, number, { timeoutMs: AMPLE_MS })),
        );
        expect(answers).toEqual(numbers.map((number) => number * 2));
      });

      it("serves questions in the order of asking", async () => {
        const asked: number[] = [];
        bus.serve(DOUBLE, (number, answer) => {
          asked.push(number);
          answer(number);
        });
        const numbers = Array.from({ length: 500 }, (_, at) => at);
        await Promise.all(numbers.map((number) => bus.request(DOUBLE, number, { timeoutMs: AMPLE_MS })));
        expect(asked).toEqual(numbers);
      });

      it("shares requests among a queue group", async () => {
        const served = [0, 0];
        for (const member of served.keys()) {
          const handler = (number: number, answer: (value: number) => void): void => {
            served[member] = (served[member] ?? 0) + 1;
            answer(number);
          };
          bus.serve(DOUBLE, handler, { queue: "engines" });
        }
        await Promise.all(Array.from({ length: 400 }, (_, at) => bus.request(DOUBLE, at, { timeoutMs: AMPLE_MS })));
        expect(served.reduce((sum, count) => sum + count)).toBe(400);
        for (const count of served) expect(count).toBeGreaterThan(40);
      });

      it("fails at once with NoResponders when nobody serves, or nobody any more", async () => {
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).rejects.toThrow(NoResponders);
        const serving = bus.serve(DOUBLE, (number, answer) => answer(number));
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).resolves.toBe(1);
        serving.close();
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).rejects.toThrow(NoResponders);
      });

      it("fails with RequestTimeout when no answer comes, and ignores one that comes late", async () => {
        const late: (() => void)[] = [];
        const silent = bus.serve(DOUBLE, (number, answer) => void late.push(() => answer(number)));
        await expect(bus.request(DOUBLE, 1, { timeoutMs: 20 })).rejects.toThrow(RequestTimeout);
        silent.close();
        bus.serve(DOUBLE, (number, answer) => {
          for (const reply of late) reply();
          answer(number * 2);
        });
        await expect(bus.request(DOUBLE, 21, { timeoutMs: AMPLE_MS })).resolves.toBe(42);
      });

      it("ignores a second answer", async () => {
        bus.serve(DOUBLE, (number, answer) => {
          answer(number * 2);
          answer(-1);
        });
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).resolves.toBe(2);
        await expect(bus.request(DOUBLE, 2, { timeoutMs: AMPLE_MS })).resolves.toBe(4);
      });

      it("leaves the asker to its time-out when the handler throws, and goes on serving", async () => {
        bus.serve(DOUBLE, (number, answer) => {
          if (number === 13) throw new Error("a handler that fails on purpose");
          answer(number * 2);
        });
        await expect(bus.request(DOUBLE, 13, { timeoutMs: 20 })).rejects.toThrow(RequestTimeout);
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).resolves.toBe(2);
      });
    });

    describe.runIf(options.encodes)("codecs", () => {
      const garbled: Topic<number> = {
        name: "garbled",
        codec: { ...plainCodec(), encode: () => new Uint8Array([0xc1]) },
      };
      const strict: Topic<number> = { name: "garbled", codec: numberCodec };

      it("drops bytes that the codec refuses, and nothing else", async () => {
        const received = collect(bus, strict, 2);
        bus.publish(strict, 1);
        bus.publish(garbled, 2);
        bus.publish(strict, 3);
        expect(await received.all).toEqual([1, 3]);
      });

      it("leaves the asker to its time-out when question or answer are refused", async () => {
        const endpoint = (question: Codec<number>, answer: Codec<number>): Endpoint<number, number> => ({
          name: "strict",
          question,
          answer,
        });
        const served: number[] = [];
        const serving = bus.serve(endpoint(numberCodec, garbled.codec), (number, answer) => {
          served.push(number);
          answer(number);
        });
        const ask = (question: Codec<number>): Promise<number> =>
          bus.request(endpoint(question, numberCodec), 1, { timeoutMs: 20 });
        await expect(ask(garbled.codec)).rejects.toThrow(RequestTimeout);
        expect(served).toEqual([]);
        await expect(ask(numberCodec)).rejects.toThrow(RequestTimeout);
        await expect.poll(() => served).toEqual([1]);
        serving.close();
      });

      it("leaves the asker to its time-out when an answer that comes later does not encode, and goes on serving", async () => {
        const encode = (number: number): Uint8Array => {
          if (number === 13) throw new TypeError("no such value");
          return numberCodec.encode(number);
        };
        const picky: Endpoint<number, number> = {
          name: "picky",
          question: numberCodec,
          answer: { ...numberCodec, encode },
        };
        const thrown: unknown[] = [];
        bus.serve(picky, (number, answer) =>
          queueMicrotask(() => {
            try {
              answer(number);
            } catch (error) {
              thrown.push(error);
            }
          }),
        );
        await expect(bus.request(picky, 13, { timeoutMs: 20 })).rejects.toThrow(RequestTimeout);
        await expect(bus.request(picky, 1, { timeoutMs: AMPLE_MS })).resolves.toBe(1);
        expect(thrown).toEqual([]);
      });

      it("tells the sender when its own value does not encode", async () => {
        const encode = (): never => {
          throw new TypeError("no such value");
        };
        const codec: Codec<number> = { ...numberCodec, encode };
        expect(() => bus.publish({ name: "unfit", codec }, 1)).toThrow("no such value");
        const asking = bus.request({ name: "unfit", question: codec, answer: codec }, 1, { timeoutMs: AMPLE_MS });
        await expect(asking).rejects.toThrow("no such value");
      });
    });

    describe("close", () => {
      it("delivers what was published", async () => {
        const received = collect(bus, topic("last"), 25_000);
        for (let at = 0; at < 25_000; at++) bus.publish(topic("last"), at);
        await bus.close();
        expect(received.values).toHaveLength(25_000);
      });

      it("fails the requests that have no answer with BusClosed", async () => {
        const asked = new Promise<void>((resolve) => bus.serve(DOUBLE, () => resolve()));
        const open = expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).rejects.toThrow(BusClosed);
        await asked;
        await bus.close();
        await open;
      });

      it("refuses everything afterwards, but closing again", async () => {
        const subscription = bus.subscribe(topic("over"), () => undefined);
        await bus.close();
        await bus.close();
        subscription.close();
        expect(() => bus.publish(topic("over"), 1)).toThrow(BusClosed);
        expect(() => bus.subscribe(topic("over"), () => undefined)).toThrow(BusClosed);
        expect(() => bus.serve(DOUBLE, () => undefined)).toThrow(BusClosed);
        await expect(bus.request(DOUBLE, 1, { timeoutMs: AMPLE_MS })).rejects.toThrow(BusClosed);
      });
    });
  });
}

const topic = <T = number>(name: string): Topic<T> => ({ name, codec: plainCodec<T>() });

const DOUBLE: Endpoint<number, number> = { name: "double", question: plainCodec(), answer: plainCodec() };

const numberCodec: Codec<number> = {
  encode: (value) => new TextEncoder().encode(String(value)),
  decode(bytes) {
    const value = Number(new TextDecoder().decode(bytes));
    if (!Number.isFinite(value)) throw new TypeError("not a number");
    return value;
  },
};

/** What arrives, and a promise that holds once `count` have. */
function collect<T>(bus: Bus, from: Topic<T>, count: number): { values: T[]; all: Promise<T[]> } {
  const values: T[] = [];
  const all = new Promise<T[]>((resolve) => {
    bus.subscribe(from, (value) => {
      values.push(value);
      if (values.length === count) resolve(values);
    });
  });
  return { values, all };
}
