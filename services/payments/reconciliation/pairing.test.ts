import { expect, it } from "vitest";
import type { GatewayRecord } from "../gateways/gateway.ts";
import type { ComparedRow } from "./compared-payments.ts";
import { Pairing, type Suspects } from "./pairing.ts";

const row = (id: string, captured = 100): ComparedRow => ({
  id,
  gateway_id: `mp_${id}`,
  amount: 100,
  currency: "EUR",
  state: "captured",
  captured,
  refunded: 0,
});

const record = (paymentId: string, captured = 100): GatewayRecord => ({
  paymentId,
  gatewayId: `mp_${paymentId}`,
  amount: { amount: 100, currency: "EUR" },
  state: "captured",
  captured,
  refunded: 0,
  reason: null,
  next: null,
});

/** Of whom each is, and which sides have told of it. */
const sidesOf = (suspects: Suspects): [string, string[]][] =>
  Array.from(suspects, ([id, sides]): [string, string[]] => [id, Object.keys(sides).sort()]);

it("pairs what both sides have in one slice, in any order, and suspects what they say differently", () => {
  const pairing = new Pairing();
  pairing.theirs(record("early"));
  for (const id of ["early", "same"]) pairing.ours(row(id));
  pairing.ours(row("less", 60));
  pairing.theirs(record("less", 100));
  pairing.theirs(record("same"));
  expect(pairing.open).toBe(0);
  expect(pairing.endOfSlice(false)).toEqual(new Map([["less", { row: row("less", 60), record: record("less") }]]));
  expect(pairing.compared).toBe(3);
});

it("takes for the same what was captured less what was refunded, whatever makes it up", () => {
  const pairing = new Pairing();
  pairing.ours({ ...row("a", 100), refunded: 40 });
  pairing.theirs(record("a", 60));
  expect(pairing.endOfSlice(true).size).toBe(0);
});

it("waits for the other side until the next slice is over, whichever comes first", () => {
  const pairing = new Pairing();
  pairing.ours(row("ours first"));
  pairing.theirs(record("theirs first"));
  pairing.ours(row("never"));
  expect(pairing.endOfSlice(false).size).toBe(0);
  expect([pairing.compared, pairing.open]).toEqual([0, 0]);

  pairing.theirs(record("ours first"));
  pairing.ours(row("theirs first"));
  pairing.ours(row("next"));
  expect([pairing.compared, pairing.open]).toEqual([2, 1]);
  expect(sidesOf(pairing.endOfSlice(false))).toEqual([["never", ["row"]]]);

  pairing.theirs(record("next"));
  expect(pairing.endOfSlice(true).size).toBe(0);
  expect(pairing.compared).toBe(4);
});

it("suspects what one side alone has once the last slice is over, where there is money", () => {
  const pairing = new Pairing();
  pairing.ours(row("before"));
  pairing.endOfSlice(false);
  pairing.ours(row("ours"));
  pairing.theirs(record("theirs"));
  pairing.ours(row("ours, unpaid", 0));
  pairing.theirs(record("theirs, unpaid", 0));
  expect(sidesOf(pairing.endOfSlice(true))).toEqual([
    ["before", ["row"]],
    ["ours", ["row"]],
    ["theirs", ["record"]],
  ]);
  expect(pairing.compared).toBe(5);
});

it("lets go of what the gateway alone has told of, and keeps what is ours", () => {
  const pairing = new Pairing();
  pairing.ours(row("differs", 60));
  pairing.theirs(record("differs"));
  pairing.ours(row("ours"));
  for (const id of ["stranger", "other"]) pairing.theirs(record(id));
  expect(sidesOf(pairing.letGo())).toEqual([
    ["differs", ["record", "row"]],
    ["stranger", ["record"]],
    ["other", ["record"]],
  ]);
  expect([pairing.compared, pairing.open]).toEqual([3, 1]);
  expect(pairing.letGo().size).toBe(0);
  pairing.theirs(record("ours"));
  expect(pairing.endOfSlice(true).size).toBe(0);
  expect(pairing.compared).toBe(4);
});

it("suspects a payment of ours that the gateway lists once more", () => {
  const pairing = new Pairing();
  pairing.ours(row("twice"));
  pairing.theirs(record("twice"));
  pairing.theirs(record("twice"));
  expect(sidesOf(pairing.endOfSlice(true))).toEqual([["twice", ["record"]]]);
});

it("suspects once what is none of ours, however often the gateway lists it", () => {
  const pairing = new Pairing();
  pairing.theirs(record("stranger"));
  pairing.theirs(record("stranger"));
  expect(sidesOf(pairing.endOfSlice(true))).toEqual([["stranger", ["record"]]]);
});
