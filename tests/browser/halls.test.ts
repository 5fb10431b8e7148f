import { expect, test } from "vitest";
import type { Layout, Showtime } from "../../client/index.ts";
import { encodeServerMsgpack } from "../../proto/ws/index.ts";
import { OP } from "../../proto/ws/op.ts";
import { findBest, focusOf, PATIENTLY, useVisitors, Wire } from "./visitors.ts";

const { office, complaints, visit, pageOf, enter, newPage } = useVisitors();

test("a hall says from and until when it is on sale, calls no seat free that cannot be had, and notices when that changes", async () => {
  const tomorrow = new Date(Date.now() + 24 * 3_600_000).toISOString();
  let changes: Partial<Showtime> = { status: "announced", salesStartAt: tomorrow };
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_studio")}`, async (fresh) => {
    await wire.tap(fresh);
    await fresh.route(/\/v1\/showtimes\/[^/]+$/, async (route) => {
      // The cast: it is what the server gave.
      const showtime = (await (await route.fetch()).json()) as Showtime;
      await route.fulfill({ json: { ...showtime, ...changes } });
    });
  });
  const sale = page.locator("#hall-sale");
  await page.locator("#connection[data-state=live]").waitFor();
  expect(await sale.textContent()).toMatch(/^On sale from \w+.+\d:\d\d\.$/);
  expect(await page.locator("#basket-empty").textContent()).toBe(await sale.textContent());
  expect(await page.locator("#tally").textContent()).toMatch(/^\d+ seats, 0 booked$/);
  await page.getByText("Seats as a list").click();
  const seat = page.getByRole("button", { name: /^A1, Row A, seat 1, / });
  expect(await seat.getAttribute("aria-label")).toMatch(/, not on sale now$/);
  expect(await seat.getAttribute("aria-disabled")).toBe("true");
  const told = page.locator("#messages").getByText(/^On sale from /);
  await page.getByRole("button", { name: "Find the best" }).click();
  await told.first().waitFor();

  const dear = { amount: 9_900, currency: "EUR" };
  const { body } = await office.rest.get<Showtime>(`showtimes/${new URL(page.url()).hash.split("/").at(-1)}`);
  changes = { categories: body.categories.map((category) => ({ ...category, price: dear })) };
  await seat.press("Enter");
  await page.getByRole("button", { name: /^A1, Row A, seat 1, .*€99\.00, free$/ }).waitFor();
  expect(await sale.textContent()).toMatch(/^On sale until /);
  expect(await page.locator("#tally").textContent()).toContain(" free, ");
  await seat.press("Enter");
  await expect.poll(() => page.locator("#total").textContent(), PATIENTLY).toBe("€99.00");

  changes = { status: "cancelled" };
  wire.cut();
  await expect.poll(() => sale.textContent(), PATIENTLY).toBe("This show has been cancelled.");
  expect(await page.locator("#tally").textContent()).not.toContain("free");
});

test("the programme says from when a show is on sale, and is read again when somebody comes back to it", async () => {
  const tomorrow = new Date(Date.now() + 24 * 3_600_000).toISOString();
  let changes: Partial<Showtime> = {};
  const page = await visit("", (fresh) =>
    fresh.route(/\/showtimes\?/, async (route) => {
      // The cast: it is what the server gave.
      const { items, ...rest } = (await (await route.fetch()).json()) as { readonly items: readonly Showtime[] };
      await route.fulfill({ json: { ...rest, items: items.map((showtime) => ({ ...showtime, ...changes })) } });
    }),
  );
  const comeBack = () => page.evaluate(`document.dispatchEvent(new Event("visibilitychange")) && undefined`);
  await page.getByRole("link", { name: "Watch it sell" }).waitFor();
  const day = page.locator("#days button").nth(1);
  await day.press("Enter");
  const times = page.locator("#films .times a");
  expect(await times.getByText("On sale from").count()).toBe(0);
  changes = { status: "announced", salesStartAt: tomorrow };
  await comeBack();
  await times.getByText("On sale from").first().waitFor();
  await page.getByRole("link", { name: "See the hall" }).waitFor();
  expect(await day.getAttribute("aria-pressed")).toBe("true");
  expect(await day.evaluate((element) => element.matches(":focus"))).toBe(true);
  changes = { status: "closed" };
  await comeBack();
  await page.getByText("Nothing is on sale just now.").waitFor();
  await expect.poll(() => focusOf(page)).toBe("main");
});

test("a lost connection is shown, and mends by itself", async () => {
  const page = await newPage();
  let isAway = false;
  let cut = (): Promise<void> => Promise.resolve();
  await page.routeWebSocket(/\/v1$/, (route) => {
    cut = () => route.close({ code: 4000, reason: "cut by the test" });
    if (isAway) void cut();
    else route.connectToServer();
  });
  await page.goto(pageOf(office.anotherShowtime("ha_classic")));
  await page.locator("#connection[data-state=live]").waitFor();
  isAway = true;
  await cut();
  await page.locator("#connection[data-state=away]").waitFor();
  isAway = false;
  await page.locator("#connection[data-state=live]").waitFor();
});

test("where the browser says that the network is gone, it is found out at once whether that is so", async () => {
  let connections = 0;
  let isDeaf = false;
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_studio")}`, (fresh) =>
    fresh.routeWebSocket(/\/v1$/, (route) => {
      const isFirst = ++connections === 1;
      const server = route.connectToServer();
      server.onMessage((frame) => {
        if (!isFirst || !isDeaf) route.send(frame);
      });
    }),
  );
  const state = (is: string) => page.locator(`#connection[data-state=${is}]`);
  const goOffline = () =>
    page.evaluate(`dispatchEvent(new Event("offline")) && document.getElementById("connection").dataset.state`);
  await state("live").waitFor();
  expect(await goOffline()).toBe("away");
  await state("live").waitFor(PATIENTLY);
  expect(connections).toBe(1);
  isDeaf = true;
  await goOffline();
  await expect.poll(() => connections, PATIENTLY).toBe(2);
  await state("live").waitFor(PATIENTLY);
});

test("20,000 seats are drawn", async () => {
  const page = await enter(office.anotherShowtime("ha_arena"));
  await page.getByText("20000 free").waitFor();
  const colours = `new Set(new Uint32Array(document.querySelector("#seats").getContext("2d")
    .getImageData(0, 0, 600, 400).data.buffer)).size`;
  await expect.poll(() => page.evaluate(colours)).toBeGreaterThan(4);
});

test("a show that does not exist is an answer, not an empty page", async () => {
  const page = await visit("#/showtimes/nothing");
  await page.getByText("This show does not exist any more.").waitFor();
  // The browser itself logs the 404.
  complaints.length = 0;
});

test("a hall whose live picture cannot be had says so, and opens by itself when it can be", async () => {
  let isReachable = false;
  let tried = (): void => {};
  const connecting = new Promise<void>((resolve) => (tried = resolve));
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, async (fresh) => {
    await fresh.clock.install();
    await fresh.routeWebSocket(/\/v1$/, (route) => {
      if (isReachable) route.connectToServer();
      tried();
    });
  });
  await connecting;
  await page.clock.fastForward(10_000);
  await page.getByText("The box office is slow to answer, or cannot be reached.").waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  isReachable = true;
  await page.locator("#connection[data-state=live]").waitFor();
  expect(await page.locator("#failure").isVisible()).toBe(false);
});

test("whoever leaves a hall before its first picture and comes back finds it live", async () => {
  const hall = pageOf(office.anotherShowtime("ha_classic"));
  const wire = new Wire();
  wire.keep(OP.snapshot);
  const page = await visit(new URL(hall).hash, (fresh) => wire.tap(fresh));
  await expect.poll(() => wire.kept.length, PATIENTLY).toBe(1);
  await page.goto(`${new URL(hall).origin}/#/`);
  await page.getByRole("heading", { name: "What’s on" }).waitFor();
  const answers = [/\/layout$/, /\/showtimes\/[^/?]+$/].map((path) => page.waitForResponse(path));
  await page.goto(hall);
  for (const answer of answers) await (await answer).finished();
  // By the time that this is answered, the page has read the answers before.
  await page.evaluate(`fetch("/config.json").then((answer) => answer.text())`);
  wire.letGo();
  await page.locator("#connection[data-state=live]").waitFor();
});

test("a hall that the server shows no longer is told of, in words", async () => {
  const refusal = { op: "error", code: "NOT_FOUND", message: "There is no such showtime." } as const;
  let cut = (): Promise<void> => Promise.resolve();
  let connections = 0;
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) =>
    fresh.routeWebSocket(/\/v1$/, (route) => {
      const server = route.connectToServer();
      const isBack = ++connections > 1;
      cut = () => route.close({ code: 4000, reason: "cut by the test" });
      route.onMessage((frame) => {
        if (isBack && frame[1] === OP.watch) route.send(Buffer.from(encodeServerMsgpack(refusal)));
        else server.send(frame);
      });
    }),
  );
  await page.locator("#connection[data-state=live]").waitFor();
  await cut();
  await page.getByText("This show does not exist any more.").waitFor();
  expect(await page.locator("#connection").isVisible()).toBe(false);
});

test("halls that were opened and left do not stay in memory, also where seats are held", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const id = new URL(page.url()).hash.split("/").at(-1);
  const { body: layout } = await office.rest.get<Layout>(`showtimes/${id}/layout`);
  const devTools = await page.context().newCDPSession(page);
  /** Once the garbage is taken out. */
  const count = async (prototype: string): Promise<number> => {
    const { result } = await devTools.send("Runtime.evaluate", { expression: prototype });
    const { objects } = await devTools.send("Runtime.queryObjects", { prototypeObjectId: result.objectId ?? "" });
    const asked = { objectId: objects.objectId ?? "", functionDeclaration: "function () { return this.length; }" };
    const length = await devTools.send("Runtime.callFunctionOn", { ...asked, returnByValue: true });
    await devTools.send("Runtime.releaseObject", { objectId: asked.objectId });
    return Number(length.result.value);
  };
  const leave = async (): Promise<void> => {
    await page.goto(`${new URL(page.url()).origin}/#/`);
    await page.getByRole("heading", { name: "What’s on" }).waitFor();
  };
  const open = async (hallId: string): Promise<void> => {
    await page.goto(pageOf(office.anotherShowtime(hallId)));
    await page.locator("#connection[data-state=live]").waitFor();
  };
  await findBest(page, 1);
  await leave();
  const objects = await count("Object.prototype");
  for (let hall = 0; hall < 3; hall++) {
    await open("ha_classic");
    await findBest(page, 1);
    await leave();
  }
  // What is under way when a hall is left holds on to it until that is over.
  await expect
    .poll(async () => (await count("Object.prototype")) - objects, PATIENTLY)
    .toBeLessThan(layout.seats.length);

  // Each basket has some.
  const maps = await count("Map.prototype");
  for (let hall = 0; hall < 3; hall++) {
    await open("ha_studio");
    await leave();
  }
  await expect.poll(async () => (await count("Map.prototype")) - maps, PATIENTLY).toBeLessThan(3);
});

test("a hall that was left cannot be used while the next page is on its way, and that is said", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 1);
  let answer = (): void => {};
  await page.route(/\/movies/, (route) => (answer = () => void route.continue()));
  await page.getByRole("link", { name: "← What’s on" }).click();
  await page.getByText("Opening…").waitFor();
  await expect(page.getByText("Give all back").click({ timeout: 300 })).rejects.toThrow("Timeout");
  answer();
  await page.getByRole("heading", { name: "What’s on" }).waitFor();
  expect(await page.getByText("Opening…").isVisible()).toBe(false);
  await page.goBack();
  await page.locator("#connection[data-state=live]").waitFor();
  await page.getByText("Give all back").click();
  await page.getByText("None yet.").waitFor();
});
