import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../platform/testing/until.ts";
import type { PaymentState } from "../../proto/services/index.ts";
import { Crossing } from "./testing/crossing.ts";
import { type Process, type Shop, testShop } from "./testing/shop.ts";

let shop: Shop;
let crossing: Crossing;
let count = 0;
let id: string;

beforeAll(async () => {
  shop = await testShop({ webhooks: false }); // So that nothing but the service itself finds out.
  crossing = new Crossing(() => shop.gateway.url);
  await crossing.start();
});
beforeEach(() => {
  id = `pay_${(count += 1)}`;
});
afterEach(() => shop.closeProcesses());
afterAll(async () => {
  await crossing.stop();
  await shop.close();
});

/** What the payment was brought to before, what was being done, how the gateway is asked for it, and where it ends. */
const STEPS: readonly {
  what: string;
  before: (payments: Process) => Promise<unknown>;
  act: (payments: Process) => Promise<unknown>;
  asked: RegExp;
  ends: PaymentState;
  gateway: { state: PaymentState; captured: number; refunded: number };
}[] = [
  {
    what: "starting",
    before: async () => undefined,
    act: (payments) => payments.start({ paymentId: id }),
    asked: /^POST \/v1\/payments$/,
    ends: "authorized",
    gateway: { state: "authorized", captured: 0, refunded: 0 },
  },
  {
    what: "polling",
    before: (payments) => payments.start({ paymentId: id }),
    act: (payments) => payments.read(id, true),
    asked: /^GET \/v1\/payments\/mp_/,
    ends: "authorized",
    gateway: { state: "authorized", captured: 0, refunded: 0 },
  },
  {
    what: "capturing",
    before: authorized,
    act: (payments) => payments.capture(id),
    asked: /\/capture$/,
    ends: "captured",
    gateway: { state: "captured", captured: 2_400, refunded: 0 },
  },
  {
    what: "voiding what is authorized",
    before: authorized,
    act: (payments) => payments.void(id),
    asked: /\/void$/,
    ends: "voided",
    gateway: { state: "voided", captured: 0, refunded: 0 },
  },
  {
    what: "voiding what is pending",
    before: (payments) => payments.start({ paymentId: id, token: null }),
    act: (payments) => payments.void(id),
    asked: /\/void$/,
    ends: "voided",
    gateway: { state: "voided", captured: 0, refunded: 0 },
  },
  {
    what: "refunding",
    before: async (payments) => {
      await authorized(payments);
      await payments.capture(id);
    },
    act: (payments) => payments.refund(id, `rf_${id}`, 900),
    asked: /\/refunds$/,
    ends: "captured",
    gateway: { state: "captured", captured: 2_400, refunded: 900 },
  },
];

async function authorized(payments: Process): Promise<void> {
  await payments.start({ paymentId: id });
  await payments.becomes(id, "authorized");
}

const atGateway = async (ids: readonly string[]) => {
  const statement = "select state, captured, refunded from mock_gateway.payment where reference = any ($1)";
  return (await shop.pool.query(statement, [ids])).rows;
};
const told = async (ids: readonly string[]) => {
  const statement = `select event->>'type' as type from payments.outbox where event->'data'->>'paymentId' = any ($1) order by id`;
  return (await shop.pool.query(statement, [ids])).rows.map(({ type }) => type);
};

describe("a process that is killed", () => {
  for (const { what, before, act, asked, ends, gateway } of STEPS) {
    for (const when of ["before", "after"] as const) {
      it(`while ${what}, ${when} the gateway has done it, leaves the rest to the next one`, async () => {
        const first = await shop.open({ mockGatewayUrl: () => crossing.url });
        await before(first);
        const killed = new Promise<void>((resolve) => {
          crossing.once((method, path) => asked.test(`${method} ${path}`), {
            when,
            happen: () => first.kill().then(resolve),
          });
        });
        act(first).catch(() => {}); // Nobody answers any more.
        await killed;

        const second = await shop.open();
        await second.becomes(id, ends);
        await until(async () => {
          // What is authorized is looked at again after a minute, as long as nobody says what is to become of it.
          const open = "select 1 from payments.payment where id = $1 and due_at < now() + interval '30 seconds'";
          return (await shop.pool.query(open, [id])).rows.length === 0 || undefined;
        }, "nothing is left open");
        expect(await atGateway([id])).toEqual([gateway]);
        expect(await second.service.reconcile()).toMatchObject({ differences: [] });
        if (what === "refunding") {
          expect(await second.refund(id, `rf_${id}`, 900)).toMatchObject({ ok: true, value: { refunded: 900 } });
          expect(await told([id])).toEqual(["payment.success", "payment.refund"]);
        }
      });
    }
  }

  it("between the row and the gateway leaves a payment that is then started", async () => {
    const first = await shop.open();
    await first.kill();
    await shop.pool.query(
      `insert into payments.payment (id, booking_id, user_id, method, amount, currency, description, pay_by, token, state, due_at, created_at)
       values ($1, 'bk_1', 'u', 'mock', 2400, 'EUR', '', now() + interval '5 minutes', 'tok_ok', 'pending', now() + interval '20 seconds', now())`,
      [id],
    );
    const second = await shop.open();
    await second.becomes(id, "authorized");
  });

  it("after a webhook was taken leaves a payment that is then looked at", async () => {
    const first = await shop.open();
    await first.start({ paymentId: id, token: "tok_declined" });
    await first.becomes(id, "failed");
    await first.kill();
    // The gateway has thought better of it, as gateways are not supposed to; and the webhook's transaction was the last thing done.
    await shop.pool.query("update mock_gateway.payment set state = 'authorized' where reference = $1", [id]);
    await shop.pool.query("update payments.payment set due_at = now() where id = $1", [id]);
    const second = await shop.open();
    await until(
      async () => ((await atGateway([id]))[0].state === "voided" ? true : undefined),
      "the reservation is given back",
    );
    expect(await second.read(id)).toMatchObject({ value: { state: "failed" } });
  });
});

describe("two processes at once", () => {
  it("carry out each wish once, and tell of it once", async () => {
    const both = [await shop.open(), await shop.open()];
    const ids = Array.from({ length: 12 }, (_, index) => `${id}_${index}`);
    const everyone = <T>(work: (payments: Process, id: string) => Promise<T>) =>
      Promise.all(ids.flatMap((id) => [...both, ...both].map((payments) => work(payments, id))));
    await everyone((payments, paymentId) => payments.start({ paymentId }));
    await Promise.all(ids.map((id) => both[0]!.becomes(id, "authorized")));
    const captures = await everyone((payments, id) => payments.capture(id));
    expect(captures.every(({ ok }) => ok)).toBe(true);
    const refunds = await everyone((payments, id) => payments.refund(id, `rf_${id}`, 1_000));
    expect(refunds.every((answer) => answer.ok && answer.value.refunded === 1_000)).toBe(true);
    const gateway = { state: "captured", captured: 2_400, refunded: 1_000 };
    expect(await atGateway(ids)).toEqual(ids.map(() => gateway));
    const events = (await told(ids)).sort((left, right) => left.localeCompare(right));
    expect(events).toEqual([...ids.map(() => "payment.refund"), ...ids.map(() => "payment.success")]);
    await until(() => both[0]!.events.length + both[1]!.events.length >= 24 || undefined, "every event is told");
  });

  it("capture and void at once: one of the two, never both", async () => {
    const both = [await shop.open(), await shop.open()] as const;
    const ids = Array.from({ length: 10 }, (_, index) => `${id}_${index}`);
    await Promise.all(ids.map((paymentId) => both[0].start({ paymentId })));
    await Promise.all(ids.map((id) => both[0].becomes(id, "authorized")));
    const outcomes = await Promise.all(
      ids.map((id, index) => {
        const capture = () => both[index % 2 ? 0 : 1].capture(id);
        const voiding = () => both[index % 2 ? 1 : 0].void(id);
        return Promise.all(index % 3 ? [capture(), voiding()] : [voiding(), capture()]).then(([one, other]) => [
          one.ok,
          other.ok,
        ]);
      }),
    );
    for (const pair of outcomes) expect(pair.filter(Boolean)).toHaveLength(1);
    for (const { state, captured } of await atGateway(ids)) expect(captured).toBe(state === "captured" ? 2_400 : 0);
    expect(await both[0].service.reconcile()).toMatchObject({ differences: [] });
  });
});
