import { pino } from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { LEASE_MS } from "../limits.ts";
import type { BookingStore, Stored } from "../store/store.ts";
import { aBooking, NOW } from "../testing/model.ts";
import type { Booking, Fact } from "./booking.ts";
import { Saga } from "./saga.ts";
import type { Steps } from "./steps.ts";

it("a booking is its worker's as long as a step takes, and not longer", async () => {
  const clock = new VirtualClock(NOW);
  const renewals: number[] = [];
  let answer = (_fact: Fact): void => {};
  // Only what a step that takes long asks of them.
  const store = {
    renew: async (_id: string, now: number) => void renewals.push(now),
    write: async (before: Stored) => ({ ...before, version: 2, leaseUntil: 0 }),
  } as unknown as BookingStore;
  const steps = { do: () => new Promise<Fact>((resolve) => (answer = resolve)) } as unknown as Steps;
  const saga = new Saga({ store, steps, clock, rules: { graceMs: 0 }, log: pino({ level: "silent" }) });

  const leased = { booking: aBooking(), version: 1, leaseUntil: NOW + LEASE_MS, calledOff: false, updatedAt: NOW };
  const advancing = saga.advance(leased);
  await clock.advance(4 * LEASE_MS);
  const instants = [NOW, ...renewals, clock.now()];
  const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(LEASE_MS / 2);

  answer({ type: "pinned", seats: [1, 2, 3], expiresInMs: 60_000 });
  await advancing;
  const before = renewals.length;
  await clock.advance(4 * LEASE_MS);
  expect(renewals).toHaveLength(before);
});

it("who stops waits for a lease that news asked for, and gives it back; later news is left to others", async () => {
  const clock = new VirtualClock(NOW);
  let grant = (_leased: Stored): void => {};
  let claims = 0;
  const leases: string[] = [];
  // Only what news of a payment asks of them.
  const store = {
    claim: () => {
      claims++;
      return new Promise<Stored>((resolve) => (grant = resolve));
    },
    write: async (before: Stored, { lease }: { lease: string }) => {
      leases.push(lease);
      return { ...before, version: 2, leaseUntil: 0 };
    },
  } as unknown as BookingStore;
  const steps = {
    do: async (): Promise<Fact> => ({ type: "pinned", seats: [1, 2, 3], expiresInMs: 60_000 }),
  } as unknown as Steps;
  const saga = new Saga({ store, steps, clock, rules: { graceMs: 0 }, log: pino({ level: "silent" }) });

  void saga.wake("a booking");
  expect(saga.advancing).toBe(1);
  const stopped = saga.stop();
  await saga.wake("another booking");
  expect(claims).toBe(1);
  grant({ booking: aBooking(), version: 1, leaseUntil: NOW + LEASE_MS, calledOff: false, updatedAt: NOW });
  await stopped;
  expect(leases).toEqual(["drop"]);
  expect(saga.advancing).toBe(0);
});

it("a payment that it could not begin is not forgotten by a worker whose booking another has by then", async () => {
  const clock = new VirtualClock(NOW);
  const payment = { id: "pay_1", method: "mock", state: "pending", next: null, givenUp: false } as const;
  const booking: Booking = { ...aBooking(), status: "paying", payment, steps: [{ do: "start", token: "tok_ok" }] };
  const leased: Stored = { booking, version: 1, leaseUntil: NOW + LEASE_MS, calledOff: false, updatedAt: NOW };
  // Only what the first step of a payment asks of them. The first write finds that another has the booking.
  const store = {
    write: async (before: Stored, { booking }: { booking: Booking }) =>
      before.version === 1 ? undefined : { ...before, booking, leaseUntil: 0 },
    read: async () => ({ ...leased, version: 2 }),
  } as unknown as BookingStore;
  const steps = { do: async (): Promise<Fact> => ({ type: "not-begun" }) } as unknown as Steps;
  const saga = new Saga({ store, steps, clock, rules: { graceMs: 0 }, log: pino({ level: "silent" }) });

  const outcome = await saga.begin(leased);
  expect(outcome).toMatchObject({
    stored: { booking: { status: "paying", payment: { id: "pay_1" }, steps: booking.steps } },
  });
});
