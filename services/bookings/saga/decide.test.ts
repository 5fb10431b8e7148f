import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../../proto/index.ts";
import type { BookingStatus } from "../../../proto/services/index.ts";
import { GIVEN_UP_KEPT_MS } from "../limits.ts";
import { aBooking, GRACE_MS, Model, NOW, PAY_MS, type Turn } from "../testing/model.ts";
import { type Booking, type Fact, totalOf } from "./booking.ts";
import { decide } from "./decide.ts";

const RULES = { graceMs: GRACE_MS };

const after = (booking: Booking, ...facts: readonly (Fact | [Fact, number])[]): Booking =>
  facts.reduce<Booking>((before, each) => {
    const [fact, at] = Array.isArray(each) ? each : [each, NOW];
    const decision = decide(before, fact, at, RULES);
    if (decision.type !== "next") throw new Error(JSON.stringify(decision));
    return decision.booking;
  }, booking);

const pinned: Fact = { type: "pinned", seats: [1, 2, 3], expiresInMs: PAY_MS };
const pay: Fact = { type: "pay", paymentId: "pay_1", method: "mock", token: "t" };
const said = (state: "pending" | "authorized" | "captured" | "failed" | "voided", captured = 0): Fact => ({
  type: "payment",
  payment: {
    paymentId: "pay_1",
    bookingId: "bk_1",
    method: "mock",
    state,
    captured,
    refunded: 0,
    reason: null,
    next: null,
    amount: totalOf(aBooking().seats),
  },
});
const cancel = (seats?: number[], until: number | null = Infinity): Fact => ({
  type: "cancel",
  id: "rf_1",
  by: "ada",
  seats,
  until,
});
const confirmed: Fact = { type: "confirmed", holdId: "st_1.1" };
const gone: Fact = { type: "refused", step: "confirm", about: "st_1.1", code: "SEAT_TAKEN", message: "" };
const released: Fact = { type: "released", id: "all" };
const keptFor = (leftMs: number | undefined): Fact => ({ type: "due", leftMs });
const paid = after(aBooking(), pinned, pay, said("authorized"), confirmed, said("captured", 3_000));
/** Its seats were sold at these prices. */
const paidFor = (...amounts: readonly number[]): Booking => ({
  ...paid,
  seats: paid.seats.map((seat, at) => ({ ...seat, price: { amount: amounts[at] ?? 0, currency: "EUR" } })),
});
const stepsOf = ({ steps }: Booking) => steps.map((step) => step.do);

describe("the seat comes before the money", () => {
  it("captures only what the engine has confirmed", () => {
    expect(stepsOf(after(aBooking(), pinned, pay, said("authorized")))).toEqual(["confirm", "capture"]);
    expect(paid).toMatchObject({ status: "confirmed", steps: [], dueAt: null });
  });

  it("gives the money back when the seats are gone", () => {
    const lost = after(aBooking(), pinned, pay, said("authorized"), gone);
    expect([lost.status, stepsOf(lost)]).toEqual(["failed", ["release", "void"]]);
    expect(after(lost, released, said("voided"))).toMatchObject({ status: "refunded", steps: [] });
  });

  it("gives the money back when the show is over by then, and looks for no other seats", () => {
    const wished = after({ ...aBooking(), acceptOtherSeats: true }, pinned, pay, said("authorized"));
    const over = after(wished, { ...gone, code: "SALE_CLOSED" }, released, said("voided"));
    expect(over).toMatchObject({
      status: "refunded",
      reason: "The payment came too late; the money goes back.",
      steps: [],
    });
  });

  it("looks once for other seats, when the buyer will have them", () => {
    const asked = after({ ...aBooking(), acceptOtherSeats: true }, pinned, pay, said("authorized"), gone);
    expect(stepsOf(asked)).toEqual(["reseat", "confirm", "capture"]);
    const seats = asked.seats.map((seat) => ({ ...seat, seat: seat.seat + 10 }));
    const other = after(asked, { type: "reseated", holdId: "st_1.9", seats });
    expect(other.seats.map(({ seat }) => seat)).toEqual([11, 12, 13]);
    expect(stepsOf(after(other, { ...gone, about: "st_1.9" }))).toEqual(["release", "void"]);
  });
});

describe("money that was taken, though the sale is given up,", () => {
  const capturing = after(aBooking(), pinned, pay, said("authorized"), confirmed);
  const tries = (fact: Fact) => after(capturing, ...Array.from({ length: 21 }, () => fact));
  const reason = "The payment could not be completed; what was taken goes back.";

  it.each([
    ["a part of it", tries(said("captured", 1_000)), reason, 1_000],
    [
      "all of it, as is heard later",
      tries(said("authorized")),
      "The payment could not be completed; nothing was taken.",
      3_000,
    ],
  ])("goes back, and is not said to be none: %s", (_what, failed, why, taken) => {
    expect(failed).toMatchObject({ status: "failed", reason: why });
    const known = after(failed, released, said("captured", taken));
    expect(known).toMatchObject({ reason, steps: [{ do: "refund", amount: taken }] });
    const told = decide(known, { type: "refunded", id: "rf_1", amount: taken }, NOW, RULES);
    expect(told).toMatchObject({ booking: { status: "refunded", reason }, told: [{ type: "booking.refunded" }] });
  });
});

describe("time", () => {
  const open = after(aBooking(), pinned, pay, said("pending"));

  it.each([
    ["a booking that nobody pays", after(aBooking(), pinned), { type: "due", leftMs: 0 }, []],
    ["a payment that is still open", open, said("pending"), ["watch"]],
    ["a payment that cannot be asked for", open, { type: "unanswered", step: "watch" }, ["watch"]],
  ] as const)("ends %s", (_what, booking, fact, steps) => {
    expect(booking.dueAt).toBeLessThanOrEqual(NOW + PAY_MS);
    expect(stepsOf(after(booking, [fact, NOW + PAY_MS - 1]))).toEqual(stepsOf(booking));
    const over = after(booking, [fact, NOW + PAY_MS]);
    expect([over.status, stepsOf(over)]).toEqual(["expired", steps]);
  });

  it("takes late money within the grace, and no longer", () => {
    const expired = after(open, [said("pending"), NOW + PAY_MS]);
    const last = NOW + PAY_MS + GRACE_MS;
    expect(stepsOf(after(expired, [said("authorized"), last - 1]))).toEqual(["confirm", "capture"]);
    expect(stepsOf(after(expired, [said("authorized"), last]))).toEqual(["release", "void"]);
    const givenUp = after(expired, [said("pending"), last]);
    expect(givenUp).toMatchObject({ status: "expired", payment: { givenUp: true } });
    const waiting = after(givenUp, released, said("pending"));
    expect([waiting.status, stepsOf(waiting)]).toEqual(["expired", ["watch"]]);
    const left = { status: "expired", reason: "It was not paid in time.", refunded: 0, steps: [], dueAt: null };
    expect(after(waiting, said("voided"))).toMatchObject(left);
    expect(after(givenUp, released, said("voided"))).toMatchObject(left);
  });

  it.each([
    ["an authorization that came too late", [[said("authorized"), NOW + PAY_MS + GRACE_MS], released]],
    [
      "one that came while the payment was given up",
      [[said("pending"), NOW + PAY_MS + GRACE_MS], released, said("authorized"), said("pending")],
    ],
  ] satisfies [string, (Fact | [Fact, number])[]][])("tells of %s that it went back", (_what, facts) => {
    const late = after(open, [said("pending"), NOW + PAY_MS], ...facts);
    expect(after(late, said("voided"))).toMatchObject({ status: "refunded", refunded: 3_000, steps: [] });
  });

  it.each(["authorized", "captured"] as const)(
    "buys for no payment that is first heard of after the grace, however long it was asked for: %s",
    (state) => {
      const [unheard, last] = [after(aBooking(), pinned, pay), NOW + PAY_MS + GRACE_MS];
      expect(stepsOf(after(unheard, [said(state, 3_000), last - 1]))).toEqual(["confirm", "capture"]);
      const late = after(unheard, [said(state, 3_000), last]);
      expect(late).toMatchObject({ status: "failed", reason: "The payment came too late; the money goes back." });
      expect(stepsOf(late)).toEqual(["release", "void"]);
      expect(stepsOf(after(late, released, said("captured", 3_000)))).toEqual(["refund"]);
    },
  );

  it("that was enough when the money came is enough, however late that is read", () => {
    expect(stepsOf(after(open, [said("authorized"), NOW + PAY_MS + GRACE_MS]))).toEqual(["confirm", "capture"]);
  });

  it("tells of no refund when a showtime is cancelled while its payment is open", () => {
    const ended = after(open, { type: "showtime-cancelled" }, released, said("voided"));
    expect(ended).toMatchObject({ status: "failed", reason: "The showtime was cancelled.", refunded: 0, steps: [] });
  });

  it("lets a buyer whose payment was declined try again while there is some", () => {
    expect(after(open, said("failed"))).toMatchObject({ status: "pending", dueAt: NOW + PAY_MS });
    const late = after(open, [said("failed"), NOW + PAY_MS]);
    expect(late).toMatchObject({ status: "pending", dueAt: NOW + PAY_MS });
    expect(after(late, [keptFor(0), NOW + PAY_MS])).toMatchObject({ status: "expired", dueAt: null });
  });

  it("that the engine gives back is the buyer's, and while it does not say, nothing is over", () => {
    const [waiting, end] = [after(aBooking(), pinned), NOW + PAY_MS];
    const unsaid = after(waiting, [keptFor(undefined), end]);
    expect(unsaid).toMatchObject({ status: "pending", payBy: end, tries: 1 });
    expect(unsaid.dueAt).toBeGreaterThan(end);
    const longer = after(unsaid, [keptFor(1_000), end + 500]);
    expect(longer).toMatchObject({ status: "pending", payBy: end + 1_500, dueAt: end + 1_500, tries: 0 });
    expect(stepsOf(after(longer, [pay, end + 1_499]))).toEqual(["start"]);
    expect(after(longer, [keptFor(0), end + 1_500])).toMatchObject({ status: "expired", dueAt: null });
  });

  it("past the end is refused for now to whoever pays, and for good once the engine has said that there is no more", () => {
    const [waiting, end] = [after(aBooking(), pinned), NOW + PAY_MS];
    const declined = after(open, [said("failed"), end]);
    const again: Fact = { ...pay, paymentId: "pay_2" };
    for (const undecided of [waiting, after(waiting, [keptFor(undefined), end]), declined]) {
      expect(decide(undecided, again, end + 1, RULES)).toMatchObject({ type: "refused", code: "UNAVAILABLE" });
      const over = after(undecided, [keptFor(0), end + 1]);
      expect(decide(over, again, end + 1, RULES)).toMatchObject({ type: "refused", code: "BOOKING_STATE" });
    }
  });

  it("frees the seats, be there some that the engine gave back, when a payment that was waited for comes to nothing", () => {
    const expired = after(open, [said("pending"), NOW + PAY_MS]);
    const missing: Fact = { type: "refused", step: "watch", about: "pay_1", code: "NOT_FOUND", message: "" };
    for (const fact of [said("failed"), said("voided"), missing]) {
      const declined = after(expired, fact);
      expect([declined.status, stepsOf(declined)]).toEqual(["expired", ["release"]]);
      expect(after(declined, released)).toMatchObject({ status: "expired", steps: [], dueAt: null });
    }
    const unbegun = after(after(aBooking(), pinned, pay), [{ type: "unanswered", step: "start" }, NOW + PAY_MS]);
    expect([unbegun.status, stepsOf(unbegun)]).toEqual(["expired", ["release", "void"]]);
  });

  it("being over, money of a payment that had failed still buys what is pinned, and too late it goes back", () => {
    const declined = after(open, said("failed"));
    expect(stepsOf(after(declined, [said("authorized"), NOW + PAY_MS]))).toEqual(["confirm", "capture"]);
    const tooLate = after(declined, [said("authorized"), NOW + PAY_MS + GRACE_MS]);
    expect([tooLate.status, stepsOf(tooLate)]).toEqual(["failed", ["release", "void"]]);
  });
});

describe("when ten payments have failed", () => {
  const payNumber = (number: number): Fact => ({ ...pay, paymentId: `pay_${number}` });
  const failing = (outcome: (paymentId: string) => Fact) =>
    Array.from({ length: 10 }, (_, number) => [payNumber(number), outcome(`pay_${number}`)]).flat();
  const declined = (paymentId: string): Fact => {
    const fact = said("failed") as Extract<Fact, { type: "payment" }>;
    return { ...fact, payment: { ...fact.payment, paymentId } };
  };
  const refused = (about: string, code: ErrorCode = "CONFLICT"): Fact => ({
    type: "refused",
    step: "start",
    about,
    code,
    message: "No.",
  });

  it.each([
    ["declined", declined],
    ["refused", refused],
  ])("another is not begun: %s", (_what, outcome) => {
    const tried = after(aBooking(), pinned, ...failing(outcome));
    expect(tried.status).toBe("pending");
    expect(decide(tried, payNumber(10), NOW, RULES)).toMatchObject({ type: "refused", code: "LIMIT_REACHED" });
  });

  it.each([
    ["since nobody was there", (): Fact => ({ type: "not-begun" })],
    ["since there is no such method", (about: string) => refused(about, "PAYMENT_METHOD_UNAVAILABLE")],
  ])("those that were not begun, %s, are none of them", (_why, outcome) => {
    const tried = after(aBooking(), pinned, ...failing(outcome));
    expect(tried).toMatchObject({ status: "pending", reason: null, payment: null });
    expect(stepsOf(after(tried, payNumber(10)))).toEqual(["start"]);
  });
});

describe("cancelling", () => {
  it("gives back the price of what is given back, to the cent", () => {
    const one = after(paid, cancel([2]));
    expect(one).toMatchObject({ status: "confirmed", seats: [{ seat: 1 }, { seat: 3 }] });
    expect(one.steps).toEqual([
      { do: "release", id: "rf_1", seats: [2] },
      { do: "refund", id: "rf_1", amount: 1_000 },
    ]);
    const rest = after(one, { ...cancel(), id: "rf_2" } as Fact);
    expect([rest.status, rest.steps.at(-1)]).toEqual(["cancelled", { do: "refund", id: "rf_2", amount: 2_000 }]);
    expect(totalOf(rest.seats).amount).toBe(2_000);
  });

  it("frees seats first, whatever becomes of the refund of others", () => {
    const one = after(paid, cancel([2]), { type: "released", id: "rf_1" });
    const refused = after(one, { type: "refused", step: "refund", about: "rf_1", code: "CONFLICT", message: "" });
    const rest = after(refused, { ...cancel(), id: "rf_2" } as Fact);
    expect(rest.steps).toEqual([
      { do: "release", id: "rf_2" },
      { do: "refund", id: "rf_1", amount: 1_000 },
      { do: "refund", id: "rf_2", amount: 2_000 },
    ]);
    expect(after(rest, { type: "released", id: "rf_1" })).toBe(rest);
  });

  it("gives money back, whatever becomes of the refund of others", () => {
    const untold: Fact = { type: "unanswered", step: "refund" };
    const one = after(paid, cancel([2]), { type: "released", id: "rf_1" }, untold);
    const rest = after(one, { ...cancel(), id: "rf_2" } as Fact, { type: "released", id: "rf_2" });
    expect(rest.steps.map((step) => "id" in step && step.id)).toEqual(["rf_1", "rf_2"]);
    const [first, second] = rest.steps;
    for (const refusal of [untold, { type: "refused", step: "refund", about: "rf_1", code: "CONFLICT", message: "" }])
      expect(after(rest, refusal as Fact).steps).toEqual([second, first]);
    const given = after(rest, untold, { type: "refunded", id: "rf_2", amount: 2_000 });
    expect(given).toMatchObject({ refunded: 2_000, steps: [first], dueAt: NOW });
  });

  it("asks for a refund that is stuck less and less, at least once an hour, and for the next at once", () => {
    const untold: Fact = { type: "unanswered", step: "refund", isHeard: true };
    const tried = (times: number) =>
      after(paid, cancel([2]), { type: "released", id: "rf_1" }, ...Array.from({ length: times }, () => untold));
    const waits = [1, 20, 21, 22, 40].map((times) => (tried(times).dueAt ?? 0) - NOW);
    expect(waits).toEqual([500, 5_000, 30_000, 60_000, 3_600_000]);
    const rest = after(tried(40), { ...cancel(), id: "rf_2" } as Fact);
    expect(after(rest, { type: "released", id: "rf_2" }, untold).dueAt).toBe(NOW + 500);
  });

  it("goes on asking for a refund that nobody has heard of", () => {
    const unheard: Fact = { type: "unanswered", step: "refund" };
    const tried = after(
      paid,
      cancel([2]),
      { type: "released", id: "rf_1" },
      ...Array.from({ length: 40 }, () => unheard),
    );
    expect(tried.dueAt).toBe(NOW + 5_000);
    expect(after(tried, { ...unheard, isHeard: true }).dueAt).toBe(NOW + 30_000);
  });

  it.each([
    ["a free booking, whole", paidFor(0, 0, 0), cancel(), false],
    ["a free booking, since there is no show", paidFor(0, 0, 0), { type: "showtime-cancelled" }, false],
    ["a free seat of a paid booking", paidFor(1_000, 0, 1_000), cancel([2]), false],
    ["a paid seat of a booking", paidFor(1_000, 0, 1_000), cancel([1]), true],
  ] satisfies [string, Booking, Fact, boolean][])("says whether money goes back: %s", (_what, booking, fact, money) => {
    const decision = decide(booking, fact, NOW, RULES);
    expect(decision).toMatchObject({ type: "next", told: [{ type: "booking.cancelled", paid: money }] });
    const steps = decision.type === "next" ? stepsOf(decision.booking) : [];
    expect(steps).toEqual(money ? ["release", "refund"] : ["release"]);
  });

  it("a repeated request changes nothing", () => {
    const once = after(paid, cancel([2]));
    expect(after(once, cancel([2]))).toBe(once);
  });

  it.each([
    ["too late", paid, cancel(undefined, NOW), "CANCELLATION_CLOSED"],
    ["seats of others", paid, cancel([2, 9]), "NOT_FOUND"],
    ["a part of what is not paid", after(aBooking(), pinned), cancel([1]), "BOOKING_STATE"],
    ["what was paid since it was looked at", paid, cancel(undefined, null), "BOOKING_STATE"],
    ["what is over", after(paid, cancel()), { ...cancel(), id: "rf_2" } as Fact, "BOOKING_STATE"],
  ])("is refused: %s", (_what, booking, fact, code) => {
    expect(decide(booking, fact, NOW, RULES)).toMatchObject({ type: "refused", code });
  });

  it("while a payment is under way gives up the payment, and what it brings all the same", () => {
    const capturing = after(aBooking(), pinned, pay, said("authorized"), confirmed);
    const quitted = after(capturing, cancel());
    expect([quitted.status, stepsOf(quitted)]).toEqual(["cancelled", ["release", "void"]]);
    const captured = after(quitted, said("captured", 3_000));
    expect(captured.steps).toEqual([
      { do: "release", id: "all" },
      { do: "refund", id: "rf_1", amount: 3_000 },
    ]);
  });
});

it.each([
  ["the seats are gone", gone],
  ["the showtime is cancelled", { type: "showtime-cancelled" }],
] satisfies [string, Fact][])(
  "a free booking of which %s amid its payment has failed, and no refund is told",
  (_what, fact) => {
    const { seats } = paidFor(0, 0, 0);
    const free = (state: "authorized" | "voided"): Fact => ({
      type: "payment",
      payment: { ...(said(state) as Extract<Fact, { type: "payment" }>).payment, amount: totalOf(seats) },
    });
    const over = after({ ...aBooking(), seats }, pinned, pay, free("authorized"), fact, released);
    expect([over.status, stepsOf(over)]).toEqual(["failed", ["void"]]);
    expect(decide(over, free("voided"), NOW, RULES)).toMatchObject({
      booking: { status: "failed", refunded: 0, payment: { state: "voided" }, steps: [] },
      told: [],
    });
  },
);

it("whose buyer is deleted amid a payment that was taken all the same stays cancelled once its money is back", () => {
  const capturing = after(aBooking(), pinned, pay, said("authorized"), confirmed);
  const captured = after(capturing, { type: "buyer-deleted" }, said("captured", 3_000), released);
  const [refund] = captured.steps;
  expect(refund).toMatchObject({ do: "refund", amount: 3_000 });
  const id = refund?.do === "refund" ? refund.id : "none";
  const over = after(captured, { type: "refunded", id, amount: 3_000 });
  expect(over).toMatchObject({ status: "cancelled", reason: "The account was deleted.", refunded: 3_000, steps: [] });
});

describe("an answer that is written late, when the step of its name is another one by now, changes nothing:", () => {
  const paying = after({ ...aBooking(), acceptOtherSeats: true }, pinned, pay);
  const reseated = after(paying, said("authorized"), gone, { type: "reseated", holdId: "st_1.9", seats: paying.seats });
  const declined: Fact = { type: "refused", step: "start", about: "pay_1", code: "NOT_FOUND", message: "" };
  const again = after(paying, declined, { ...pay, paymentId: "pay_2" });
  const both = after(paid, cancel([2]), released, { ...cancel([3]), id: "rf_2" } as Fact);
  const releasing = after(both, { type: "released", id: "rf_1" });
  const missing: Fact = { type: "refused", step: "release", about: "rf_1", code: "NOT_FOUND", message: "" };

  it.each([
    ["the seats of the hold before were gone", reseated, gone, ["confirm", "capture"]],
    ["they were not", reseated, confirmed, ["confirm", "capture"]],
    ["the payment before could not be begun", again, declined, ["start"]],
    ["the seats given back before were not there", releasing, missing, ["release", "refund", "refund"]],
  ])("%s", (_what, booking, fact, steps) => {
    expect(stepsOf(booking)).toEqual(steps);
    expect(after(booking, fact)).toBe(booking);
  });
});

it.each([
  ["cancelled while it was paid", after(aBooking(), pinned, pay, said("authorized"), cancel()), ["release", "void"]],
  ["cancelled", after(paid, cancel(), { type: "released", id: "rf_1" }), ["refund"]],
  ["failed, long ago", after(aBooking(), pinned, pay, said("authorized"), gone, released, said("voided")), []],
])("seats that are booked for a booking that is %s are given back once more", (_what, over, left) => {
  const again = after(over, confirmed);
  expect(again.steps[0]).toEqual({ do: "release", id: "late" });
  expect(after(again, confirmed)).toBe(again);
  expect(stepsOf(after(again, { type: "released", id: "late" }))).toEqual(left);
});

it("seats that are booked for late money are kept, however often that is told", () => {
  const expired = after(aBooking(), pinned, pay, [said("pending"), NOW + PAY_MS], said("authorized"), confirmed);
  expect([expired.status, stepsOf(expired)]).toEqual(["expired", ["capture"]]);
  expect(after(expired, confirmed)).toBe(expired);
});

it("a payment that is begun after it was given up, as it was not yet begun, is given up as soon as it is told of", () => {
  const unbegun: Fact = { type: "refused", step: "void", about: "pay_1", code: "NOT_FOUND", message: "" };
  const over = after(after(aBooking(), pinned, pay, cancel()), released, unbegun);
  const payment = { id: "pay_1", state: "failed" };
  expect(over).toMatchObject({ status: "cancelled", payment, steps: [], dueAt: null }); // Nobody looks at it by himself.
  const told = after(over, said("authorized"));
  expect([stepsOf(told), told.dueAt]).toEqual([["void"], NOW]);
  expect(after(told, said("voided"))).toMatchObject({ status: "cancelled", refunded: 0, steps: [], dueAt: null });
});

it("a payment of which nothing is heard for a week after it was given up has failed, and what comes of it later goes back", () => {
  const open = after(aBooking(), pinned, pay, said("pending"), [said("pending"), NOW + PAY_MS]);
  const givenUp = after(open, [said("pending"), NOW + PAY_MS + GRACE_MS], released, said("pending"));
  const [week, unsaid] = [NOW + PAY_MS + GIVEN_UP_KEPT_MS, { type: "unanswered", step: "watch" } as const];
  for (const fact of [said("pending"), unsaid]) {
    const before = after(givenUp, [fact, week - 1]);
    expect([before.payment?.state, stepsOf(before)]).toEqual(["pending", ["watch"]]);
    const over = after(givenUp, [fact, week]);
    expect(over).toMatchObject({
      status: "expired",
      payment: { id: "pay_1", state: "failed" },
      steps: [],
      dueAt: null,
    });
    expect(stepsOf(after(over, said("authorized")))).toEqual(["void"]);
  }
});

it("a capture that the bank refuses frees the seats", () => {
  const booked = after(aBooking(), pinned, pay, said("authorized"), confirmed);
  const failed = after(booked, said("failed"));
  expect([failed.status, stepsOf(failed)]).toEqual(["failed", ["release"]]);
});

const MAY_BECOME: Readonly<Record<BookingStatus, readonly BookingStatus[]>> = {
  pending: ["paying", "cancelled", "expired", "failed"],
  paying: ["pending", "confirmed", "cancelled", "refunded", "expired", "failed"],
  expired: ["confirmed", "refunded", "failed"],
  failed: ["refunded"],
  confirmed: ["cancelled"],
  cancelled: ["refunded"],
  refunded: [],
};

describe("whatever happens, in whatever order, with answers lost and steps done twice", () => {
  const turn: fc.Arbitrary<Turn> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("step" as const),
        fate: fc.constantFrom("done", "lost", "late", "unreached"),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ do: "deliver" } as const) },
    { weight: 2, arbitrary: fc.constant({ do: "pay" } as const) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("gateway" as const), state: fc.constantFrom("authorized", "failed") }),
    },
    { weight: 2, arbitrary: fc.constant({ do: "hint" } as const) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(100, 5_000, PAY_MS, GRACE_MS) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), ms: fc.constantFrom(5_000, 10 * PAY_MS) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("cancel" as const), seats: fc.constantFrom(undefined, [1], [2, 3]) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "showtime-cancelled" } as const) },
    { weight: 1, arbitrary: fc.constant({ do: "buyer-deleted" } as const) },
    { weight: 1, arbitrary: fc.constant({ do: "thief" } as const) },
  ) as fc.Arbitrary<Turn>;

  it("the books balance in the end, no money is taken without its seat, none is kept for nobody, every status is told, and no payment is refused for good that may yet be made", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 40 }), fc.boolean(), (turns, acceptOtherSeats) => {
        const model = new Model({ ...aBooking(), acceptOtherSeats }, RULES);
        model.onChange = (before, next, told) => {
          if (before.status !== next.status) {
            expect(MAY_BECOME[before.status]).toContain(next.status);
            const isTold = next.status !== "pending" && next.status !== "paying";
            if (isTold) expect(told.map(({ type }) => type)).toContain(`booking.${next.status}`);
          }
          const steps = stepsOf(next);
          if (steps.includes("refund")) expect(steps.lastIndexOf("release")).toBeLessThan(steps.indexOf("refund"));
        };
        model.onRefused = ({ status, steps }, { type }, code) => {
          const isOpen = status === "pending" && steps.length === 0;
          if (type === "pay" && isOpen) expect(["UNAVAILABLE", "LIMIT_REACHED"]).toContain(code);
        };
        for (const each of turns) model.take(each);
        model.settle();
        if (model.booking === undefined) return;
        const { status, seats, cancelled, refunded, steps, dueAt } = model.booking;
        expect(new Set([...seats, ...cancelled].map(({ seat }) => seat)).size).toBe(3);
        expect({ steps, dueAt }).toEqual({ steps: [], dueAt: null });
        expect(["confirmed", "cancelled", "refunded", "expired", "failed"]).toContain(status);
        const isSold = status === "confirmed";
        expect(model.money).toBe(isSold ? totalOf(seats).amount : 0);
        expect(model.reserved).toBe(false);
        expect(model.pinnedSeats).toEqual([]);
        expect(refunded).toBeGreaterThanOrEqual(model.givenBack);
        if (!model.wasReserved) expect(refunded).toBe(0);
        expect(new Set(model.bookedSeats)).toEqual(new Set(isSold ? seats.map(({ seat }) => seat) : []));
      }),
      { numRuns: 3_000 },
    );
  });
});
