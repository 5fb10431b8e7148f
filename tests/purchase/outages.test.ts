/** What a purchase needs is away for a while: the mail server and the payment gateway, or all other services. */
import { once } from "node:events";
import { pino } from "pino";
import { SMTPServer } from "smtp-server";
import { afterEach, expect, it } from "vitest";
import { NoResponders, openNatsBus } from "../../platform/bus/index.ts";
import { startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createPool } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { SIGNING_TIME, USER_CARD } from "../../proto/services/index.ts";
import { FaultProxy } from "../faults/fault-proxy.ts";
import { ADMIN } from "../support/box-office.ts";
import { problem, Purchases } from "../support/purchases.ts";
import { Rest } from "../support/rest.ts";
import {
  freePort,
  Launch,
  removeDirectory,
  temporaryDirectory,
  usher,
  UsherProcess,
} from "../support/usher-process.ts";
import { audit } from "./books.ts";

const silent = pino({ level: "silent" });
const SOON = { timeout: 40_000, interval: 100 };

/** Undone after each test, the last first. */
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
}, 60_000);

async function place(): Promise<{ DATABASE_URL: string; DATA_DIR: string }> {
  const [database, dataDir] = [await testDatabase(), await temporaryDirectory()];
  undo.push(
    () => database.drop(),
    () => removeDirectory(dataDir),
  );
  return { DATABASE_URL: database.url, DATA_DIR: dataDir };
}

/** Its end is what it says it is: clean. */
const endCleanly = (launch: Launch) => async (): Promise<void> => {
  launch.child.kill("SIGTERM");
  expect((await launch.ended).code).toBe(0);
};

it(
  "without gateway and mail server it sells as far as it can, and goes on when they come",
  { timeout: 300_000 },
  async () => {
    const [home, httpPort, gatewayPort, smtpPort] = [
      await place(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const settings = {
      ...home,
      HTTP_PORT: String(httpPort),
      MOCK_GATEWAY_SECRET: "a-secret-that-both-of-them-know",
      USHER_ADMIN_EMAIL: ADMIN.email,
      USHER_ADMIN_PASSWORD: ADMIN.password,
    };
    const running = await UsherProcess.start({
      ...settings,
      MOCK_GATEWAY_URL: `http://127.0.0.1:${gatewayPort}`,
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
    });
    undo.push(() => running.end("SIGTERM"));
    const rest = new Rest(httpPort);
    const purchases = new Purchases({ rest });

    const customer = await purchases.customer("Ann");
    const { id } = await purchases.book(customer, "st_premiere", [7, 8]);
    const begun = await purchases.pay(customer, id, "tok_ok");
    expect([begun.status, begun.body]).toEqual([expect.toBeOneOf([202, 503]), expect.anything()]);
    if (begun.status === 503) expect(begun.body["code"]).toBe("UNAVAILABLE");
    expect((await purchases.read(customer, id)).status).toBeOneOf(["pending", "paying"]);

    const gateway = new Launch(["gateway"], { ...settings, MOCK_GATEWAY_PORT: String(gatewayPort), LOG_LEVEL: "warn" });
    undo.push(endCleanly(gateway));
    await gateway.said(/^ready$/m);
    if (begun.status === 503) expect((await purchases.pay(customer, id, "tok_ok")).status).toBe(202);
    await purchases.comesTo(customer, id, { status: "confirmed" }, 90_000);
    await purchases.tickets(customer, id, 2);

    const mails: string[] = [];
    const mailServer = new SMTPServer({
      disabledCommands: ["AUTH", "STARTTLS"],
      onData(stream, _session, done) {
        let mail = "";
        stream.on("data", (chunk: Buffer) => (mail += chunk.toString("latin1")));
        stream.on("end", () => {
          mails.push(mail);
          done();
        });
      },
    });
    undo.push(() => new Promise<void>((resolve) => mailServer.close(resolve)));
    await once(mailServer.listen(smtpPort, "127.0.0.1"), "listening");
    await expect.poll(() => mails.length, { timeout: 60_000, interval: 200 }).toBeGreaterThan(0);
    expect(mails[0]).toContain(customer.email);
    expect(mails[0]).toContain("application/pdf");
    expect(await audit(home.DATABASE_URL)).toEqual([]);
  },
);

it("payments run alone, and say so", { timeout: 60_000 }, async () => {
  const payments = new Launch(["services", "--only", "payments"], {
    ...(await place()),
    HTTP_PORT: "0",
    LOG_LEVEL: "warn",
  });
  undo.push(endCleanly(payments));
  await payments.said(/^ready$/m);
  const [, port] = await payments.said(/API +http:\/\/[^/]*:(\d+)\//);
  const rest = new Rest(Number(port));
  expect(await rest.get("/health/live")).toMatchObject({ status: 200, body: { status: "live" } });
  expect(await rest.get("/health/ready")).toMatchObject({
    status: 200,
    body: { checks: { postgresql: { state: "up" } } },
  });
  expect(await rest.post("payments/webhooks/mock", { body: "{}" })).toMatchObject(problem(400, "BAD_SIGNATURE"));
  expect(await rest.get("bookings")).toMatchObject(problem(404, "NOT_FOUND"));
  const { body } = await rest.get<{ paths: object }>("/openapi.json");
  expect(Object.keys(body.paths).filter((path) => path.startsWith("/api/"))).toEqual(
    expect.arrayContaining(["/api/v1/payments/webhooks/mock"]),
  );
});

it("each of the others runs alone too", { timeout: 180_000 }, async () => {
  const runAlone = async (domain: string): Promise<void> => {
    const launch = new Launch(["services", "--only", domain], {
      ...(await place()),
      HTTP_PORT: "0",
      LOG_LEVEL: "warn",
    });
    undo.push(endCleanly(launch));
    await launch.said(/^ready$/m);
    const [, port] = await launch.said(/API +http:\/\/[^/]*:(\d+)\//);
    expect(await new Rest(Number(port)).get("/health/live")).toMatchObject({ status: 200 });
  };
  await Promise.all(["identity", "catalog", "bookings", "tickets", "notifications"].map(runAlone));
});

it(
  "a catalogue that waits for an engine at its first start ends when it is asked to",
  { timeout: 120_000 },
  async () => {
    const home = await place();
    const launch = new Launch(["services", "--only", "catalog"], { ...home, HTTP_PORT: "0", LOG_LEVEL: "warn" });
    undo.push(endCleanly(launch));
    const database = createPool({ connectionString: home.DATABASE_URL, max: 1, name: "outages-test", log: silent });
    undo.push(() => database.end());
    const isLoaded = async () =>
      (await database.query("select from catalog.showtime limit 1").catch(() => undefined))?.rowCount === 1;
    await expect.poll(isLoaded, { timeout: 90_000, interval: 20 }).toBe(true);
    launch.child.kill("SIGTERM");
    const { code, stdout } = await launch.ended;
    expect([code, stdout]).toEqual([0, expect.not.stringMatching(/^ready$/m)]);
  },
);

it(
  "without PostgreSQL it is alive, not ready, and says why; and it is ready again when that is back",
  { timeout: 90_000 },
  async () => {
    const home = await place();
    const url = new URL(home.DATABASE_URL);
    const way = await FaultProxy.to(url.hostname, Number(url.port));
    undo.push(() => way.close());
    url.host = `127.0.0.1:${way.port}`;
    const running = await UsherProcess.start({ ...home, DATABASE_URL: url.href, LOG_LEVEL: "fatal" });
    undo.push(async () => expect((await running.end("SIGTERM")).code).toBe(0));
    const rest = new Rest(running.httpPort);
    const ready = () => rest.get("/health/ready");
    expect(await ready()).toMatchObject({
      status: 200,
      body: { checks: { postgresql: { state: "up" }, engine: { state: "up" } } },
    });
    way.cut();
    await expect
      .poll(ready, SOON)
      .toMatchObject({
        ...problem(503, "UNAVAILABLE"),
        body: {
          code: "UNAVAILABLE",
          detail: expect.stringContaining("postgresql"),
          checks: { postgresql: { state: "down" } },
        },
      });
    expect(await rest.get("/health/live")).toMatchObject({ status: 200 });
    way.open();
    await expect.poll(ready, SOON).toMatchObject({ status: 200 });
  },
);

it(
  "a services process that alone is without PostgreSQL leaves questions to the others, and one that is alone says at once that it cannot answer",
  { timeout: 120_000 },
  async () => {
    const [home, nats] = [await place(), await startNatsServer()];
    undo.push(() => nats.stop());
    const url = new URL(home.DATABASE_URL);
    const way = await FaultProxy.to(url.hostname, Number(url.port));
    undo.push(() => way.close());
    url.host = `127.0.0.1:${way.port}`;
    const settings = { ...home, NATS_URL: nats.url, HTTP_PORT: "0", LOG_LEVEL: "fatal" };
    const start = async (databaseUrl: string): Promise<() => Promise<void>> => {
      const launch = new Launch(["services", "--only", "identity"], { ...settings, DATABASE_URL: databaseUrl });
      const end = endCleanly(launch);
      undo.push(end);
      await launch.said(/^ready$/m);
      return end;
    };
    await start(url.href);
    const endOther = await start(home.DATABASE_URL);
    const { bus } = await openNatsBus(nats.url, { name: "test", role: "test", clock: systemClock, log: silent });
    undo.push(() => bus.close());
    const patience = { timeoutMs: 5_000 };
    const card = () => bus.request(USER_CARD, { userId: "nobody" }, patience);
    const answered = async (): Promise<number> => {
      const answers = await Promise.allSettled(Array.from({ length: 20 }, card));
      return answers.filter(({ status }) => status === "fulfilled").length;
    };

    expect(await answered()).toBe(20);
    way.cut();
    await expect.poll(answered, SOON).toBe(20);
    await endOther();
    await expect(card()).rejects.toThrow(NoResponders);
    expect(await bus.request(SIGNING_TIME, null, patience)).toBeGreaterThan(0);
    way.open();
    await expect.poll(answered, SOON).toBe(20);
  },
);

it("a domain that there is not is named in a sentence", async () => {
  const { code, stderr } = await usher(["services", "--only", "payments,popcorn"], await place());
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^There is no domain popcorn: .*\.\n$/m)]);
});
