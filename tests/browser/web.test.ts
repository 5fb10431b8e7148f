import { expect, test } from "vitest";
import type { Layout, Showtime } from "../../client/index.ts";
import { type HoldId } from "../../proto/index.ts";
import { encodeServerMsgpack } from "../../proto/ws/index.ts";
import { OP } from "../../proto/ws/op.ts";
import { Purchases } from "../support/purchases.ts";
import { basketOf, findBest, focusOf, PATIENTLY, useVisitors, Wire } from "./visitors.ts";

const { office, complaints, visit, pageOf, enter, newPage } = useVisitors();

test("a visitor finds the premiere, takes the best seats, and gives them back; another sees it happen", async () => {
  const page = await visit("");
  await page.getByRole("link", { name: "Watch it sell" }).click();
  await page.locator("#connection[data-state=live]").waitFor();
  const other = await newPage();
  await other.goto(page.url());
  await other.getByText("480 free, 0 being decided on").waitFor();

  await page.getByLabel("Seats", { exact: true }).fill("3");
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.getByText("left to decide").waitFor();
  expect(await basketOf(page)).toHaveLength(3);
  expect(await page.locator("#countdown").textContent()).toMatch(/^[45]:\d\d$/);
  await other.getByText("477 free, 3 being decided on").waitFor();

  await page.getByRole("button", { name: "More time" }).click();
  await page
    .locator("#messages")
    .getByText(/^Your seats are kept for [45]:\d\d from now\.$/)
    .waitFor();

  await page.getByRole("button", { name: "Give all back" }).click();
  await page.getByText("None yet.").waitFor();
  await other.getByText("480 free, 0 being decided on").waitFor();
});

test("seats survive a reload, and are freed one by one", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.locator("#basket").waitFor();
  const seats = await basketOf(page);
  await page.reload();
  await page.locator("#basket").waitFor();
  expect(await basketOf(page)).toEqual(seats);
  await page.getByRole("button", { name: `Give back ${seats[0]}` }).click();
  await expect.poll(() => basketOf(page)).toEqual(seats.slice(1));
});

test("the keyboard goes from seat to seat, takes and gives back, and is told about each", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  const spoken = page.locator("#spoken");
  await page.locator("#seats").focus();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => spoken.textContent()).toMatch(/^Row \w, seat \d+, .*free$/);
  const first = await spoken.textContent();
  await page.keyboard.press("ArrowLeft");
  await expect.poll(() => spoken.textContent()).not.toBe(first);
  await page.keyboard.press("Enter");
  await expect.poll(() => spoken.textContent()).toMatch(/yours$/);
  expect(await basketOf(page)).toHaveLength(1);
  await page.keyboard.press("Enter");
  await expect.poll(() => spoken.textContent()).toMatch(/free$/);
});

test("the list of seats does what the map does, and its buttons can be called by what stands on them", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.getByText("Seats as a list").click();
  await page.locator("#list-row").selectOption("C");
  const seat = page.getByRole("button", { name: /^C4, Row C, seat 4, / });
  await seat.click();
  await expect.poll(() => seat.getAttribute("aria-pressed")).toBe("true");
  expect(await basketOf(page)).toEqual(["C4"]);
  for (const button of await page.locator("#list-seats button").all()) {
    expect(await button.getAttribute("aria-label")).toMatch(new RegExp(`^${await button.textContent()}, Row C, `));
  }
});

test("who is refused a place that is kept for wheelchair users, or the one beside it, is told how to get both", async () => {
  const { token } = await new Purchases(office).admin();
  const made = async (path: string, body: object): Promise<string> => {
    const answer = await office.rest.post<{ readonly id: string }>(path, { token, body });
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    return answer.body.id;
  };
  const row = { name: "A", category: "standard", parts: [4], accessible: [1], companions: [2] };
  const hallId = await made("halls", {
    cinemaId: "ci_astoria",
    name: "Kept places",
    accessibleRelease: { when: "never" },
    categories: [{ id: "standard", name: "Standard" }],
    sections: [{ name: "Stalls", rows: [row] }],
  });
  const price = { amount: 1_000, currency: "EUR" };
  const prices = [{ category: "standard", adult: price, child: price }];
  const startsAt = new Date(Date.now() + 30 * 24 * 3_600_000).toISOString();
  const page = await enter(await made("showtimes", { movieId: "mv_metropolis", hallId, startsAt, prices }));
  await page.locator("#legend").getByText("wheelchair place").waitFor();
  await page.getByText("Seats as a list").click();
  const seat = (number: number) => page.getByRole("button", { name: `Row A, seat ${number},` });
  const refusal = (label: string) => page.locator("#messages").getByText(new RegExp(`^${label}: kept .+ Tick “For a`));
  await seat(1).click();
  await refusal("A1").waitFor();
  await page.getByLabel("For a wheelchair user, or with one").check();
  await seat(2).click();
  await refusal("A2").waitFor();
  expect(await refusal("A2").textContent()).toContain("take the wheelchair place before the seat beside it");
  await seat(1).click();
  await expect.poll(() => basketOf(page)).toEqual(["A1"]);
  await seat(2).click();
  await expect.poll(() => basketOf(page)).toEqual(["A1", "A2"]);
});

test("a seat of the sixth category is called by its name and its price, although there are colours for four alone", async () => {
  const others = [2, 3, 4, 5, 6].map((nth) => {
    return { id: `c${nth}`, name: `Category ${nth}`, price: { amount: nth * 1_000, currency: "EUR" } };
  });
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_studio")}`, async (fresh) => {
    await fresh.route(/\/v1\/showtimes\/[^/]+(\/layout)?$/, async (route) => {
      // The cast: it is what the server gave.
      const answer = (await (await route.fetch()).json()) as Pick<Layout, "categories"> & Partial<Layout>;
      const seats = answer.seats?.map((seat, index) => (index === 0 ? { ...seat, category: "c6" } : seat));
      const categories = [...answer.categories.slice(0, 1), ...others];
      await route.fulfill({ json: { ...answer, categories, ...(seats && { seats }) } });
    });
  });
  await page.getByText("Seats as a list").click();
  await page.getByRole("button", { name: /^A1, Row A, seat 1, / }).click();
  await page.getByText("A1 Category 6 €60.00").waitFor();
  await page.getByRole("button", { name: /^A1, Row A, seat 1, (.+, )?Category 6, €60.00, yours$/ }).waitFor();
});

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
  expect(await sale.textContent()).toMatch(/^On sale from \w+.+\d\d:\d\d\.$/);
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

test("whoever is too late is told so, in words", async () => {
  const showtime = office.anotherShowtime("ha_studio");
  const page = await newPage();
  // The page is kept from seeing what others do, so that it cannot but be late.
  await page.routeWebSocket(/\/v1$/, (route) => {
    const server = route.connectToServer();
    server.onMessage((frame) => {
      if (frame[1] !== OP.delta) route.send(frame);
    });
  });
  await page.goto(pageOf(showtime));
  await page.getByText("Seats as a list").click();
  const seat = page.getByRole("button", { name: /^A1, Row A, seat 1, .*free$/ });
  await seat.waitFor();
  const rival = await office.enter(await office.guest());
  rival.say({ op: "hold", rid: "first", showtime, seats: [0] });
  await rival.next("held");
  await seat.click();
  await page.getByText("Somebody was quicker: A1 has just gone.").waitFor();
});

test("a lost connection is shown, and mends by itself", async () => {
  const page = await newPage();
  let cut = (): Promise<void> => Promise.resolve();
  await page.routeWebSocket(/\/v1$/, (route) => {
    route.connectToServer();
    cut = () => route.close({ code: 4000, reason: "cut by the test" });
  });
  await page.goto(pageOf(office.anotherShowtime("ha_classic")));
  await page.locator("#connection[data-state=live]").waitFor();
  await cut();
  await page.locator("#connection[data-state=away]").waitFor();
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
  const goOffline = () => page.evaluate(`dispatchEvent(new Event("offline")) && undefined`);
  await state("live").waitFor();
  await goOffline();
  await state("away").waitFor({ timeout: 2_000 });
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

test("the skip link goes to the content of the page that is open", async () => {
  const showtime = office.anotherShowtime("ha_classic");
  const page = await enter(showtime);
  await page.getByRole("link", { name: "Skip to the content" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => focusOf(page), PATIENTLY).toBe("main");
  expect(page.url()).toBe(pageOf(showtime));
  await page.locator("#connection[data-state=live]").waitFor();
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
  await page.getByText("The box office cannot be reached.").waitFor();
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

test("seats of one hold are given back as fast as they are clicked, also twice", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) => wire.tap(fresh));
  const [first, second, third] = await findBest(page, 3);
  wire.keep(OP.released);
  await page.getByRole("button", { name: `Give back ${first}` }).dblclick();
  await page.getByRole("button", { name: `Give back ${second}` }).click();
  await expect.poll(() => wire.kept.length, PATIENTLY).toBe(2);
  wire.letGo();
  await expect.poll(() => basketOf(page), PATIENTLY).toEqual([third]);
  expect(await page.getByText("does not exist").count()).toBe(0);
});

test("a hold that could not be asked after is not forgotten", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 2);
  await page.getByRole("button", { name: "Find the best" }).click();
  const inBasket = page.locator("#basket-seats li");
  await inBasket.nth(3).waitFor();
  const seats = await basketOf(page);
  let lost: string | undefined;
  await page.route(/\/holds\//, async (route) => {
    lost ??= route.request().url();
    await (route.request().url() === lost ? route.abort() : route.continue());
  });
  await page.reload();
  await inBasket.nth(1).waitFor();
  expect(await basketOf(page)).toHaveLength(2);
  await page.unrouteAll({ behavior: "wait" });
  await page.reload();
  await inBasket.nth(3).waitFor();
  expect(await basketOf(page)).toEqual(seats);
  // The browser itself logs the request that failed.
  complaints.length = 0;
});

test("seats whose grant was not heard of before a reload are in the basket after it", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) => wire.tap(fresh));
  await page.locator("#connection[data-state=live]").waitFor();
  wire.keep(OP.held);
  await page.getByRole("button", { name: "Find the best" }).click();
  await expect.poll(() => wire.kept.length, PATIENTLY).toBe(1);
  wire.kept.length = 0;
  await page.reload();
  await expect.poll(() => wire.kept.length, PATIENTLY).toBeGreaterThan(0);
  wire.letGo();
  await page.locator("#basket-seats li").nth(1).waitFor();
  await page.getByText("Yours after all: ").waitFor();
  expect(await page.locator("#tally").textContent()).toContain(", 2 being decided on");
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
  expect((await count("Object.prototype")) - objects).toBeLessThan(layout.seats.length);

  // Each basket has some.
  const maps = await count("Map.prototype");
  for (let hall = 0; hall < 3; hall++) {
    await open("ha_studio");
    await leave();
  }
  expect((await count("Map.prototype")) - maps).toBeLessThan(3);
});

test("seats that are granted after their hall was left are not drawn into the next one, and are there on the way back", async () => {
  const hall = pageOf(office.anotherShowtime("ha_classic"));
  const wire = new Wire();
  const page = await visit(new URL(hall).hash, (fresh) => wire.tap(fresh));
  await page.locator("#connection[data-state=live]").waitFor();
  wire.keep(OP.held);
  await page.getByRole("button", { name: "Find the best" }).click();
  await expect.poll(() => wire.kept.length, PATIENTLY).toBe(1);
  const where = page.locator("#hall-where");
  const first = await where.textContent();
  await page.goto(pageOf(office.anotherShowtime("ha_studio")));
  await expect.poll(() => where.textContent(), PATIENTLY).not.toBe(first);
  const tally = await page.locator("#tally").textContent();
  wire.letGo();
  await page.getByText("Yours for now: ").waitFor();
  expect(await page.locator("#basket").isVisible()).toBe(false);
  expect(await page.locator("#tally").textContent()).toBe(tally);
  await page.goto(hall);
  await page.locator("#basket-seats li").nth(1).waitFor();
});

test("seats that are granted, or taken back, when their hall was left and opened again are in the basket, or no longer", async () => {
  const hall = pageOf(office.anotherShowtime("ha_classic"));
  const wire = new Wire();
  const page = await visit(new URL(hall).hash, (fresh) => wire.tap(fresh));
  await page.locator("#connection[data-state=live]").waitFor();
  const leaveAndComeBack = async () => {
    await expect.poll(() => wire.kept.length, PATIENTLY).toBe(1);
    await page.goto(`${new URL(hall).origin}/#/`);
    await page.getByRole("heading", { name: "What’s on" }).waitFor();
    await page.goto(hall);
    await page.locator("#connection[data-state=live]").waitFor();
  };
  wire.keep(OP.held);
  await page.getByRole("button", { name: "Find the best" }).click();
  await leaveAndComeBack();
  await page.getByText("None yet.").waitFor();
  wire.letGo();
  await page.locator("#basket-seats li").nth(1).waitFor();

  wire.keep(OP.release);
  await page.getByRole("button", { name: "Give all back" }).click();
  await leaveAndComeBack();
  await page.locator("#basket-seats li").nth(1).waitFor();
  wire.letGo();
  await page.getByText("None yet.").waitFor();
  expect(await page.getByText("Your time is over").count()).toBe(0);
});

test("seats of a hall that was left are not called lost as if they were the open hall's", async () => {
  const [left, open] = [office.anotherShowtime("ha_classic"), office.anotherShowtime("ha_classic")];
  const wire = new Wire();
  const page = await visit(`#/showtimes/${left}`, (fresh) => wire.tap(fresh));
  await page.locator("#connection[data-state=live]").waitFor();
  const [label] = await findBest(page, 1);
  const title = await page.locator("#hall-title").textContent();
  // The cast: what the page itself has stored.
  const { holds } = JSON.parse(await page.evaluate("sessionStorage.getItem('usher.guest')")) as {
    readonly holds: Readonly<Record<string, readonly HoldId[]>>;
  };
  await page.goto(pageOf(open));
  await page.getByText("None yet.").waitFor();
  await page.locator("#connection[data-state=live]").waitFor();
  expect(await findBest(page, 1)).toEqual([label]);
  for (const holdId of holds[left] ?? []) wire.say({ op: "expired", holdId });
  const lost = page.getByText(`Your time is over: ${label} may be taken`);
  await lost.waitFor();
  expect(await lost.textContent()).toMatch(new RegExp(`^${title}, .+: Your time is over`));
  expect(await basketOf(page)).toEqual([label]);
});

test("that seats were lost is told until somebody can have seen it, or closes it and is where they were", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, async (fresh) => {
    await fresh.clock.install();
    await wire.tap(fresh);
  });
  await page.locator("#connection[data-state=live]").waitFor();
  const setHidden = (isHidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true }) &&
      document.dispatchEvent(new Event("visibilitychange")) && undefined`);
  const lost = page.getByText("Your time is over");
  const lose = async () => {
    await findBest(page, 1);
    // The cast: what the page itself has stored.
    const { holds } = JSON.parse(await page.evaluate("sessionStorage.getItem('usher.guest')")) as {
      readonly holds: Readonly<Record<string, readonly HoldId[]>>;
    };
    for (const holdId of Object.values(holds).flat()) wire.say({ op: "expired", holdId });
    await lost.waitFor();
  };
  await setHidden(true);
  await lose();
  await page.locator("#seats").focus();
  await page.locator("#messages p").filter({ has: lost }).getByRole("button", { name: "Close" }).click();
  expect(await lost.count()).toBe(0);
  expect(await focusOf(page)).toBe("Seat map");

  await lose();
  // Time goes by as the test says from here on, however slow the machine.
  await page.clock.pauseAt((await page.evaluate<number>("Date.now()")) + 1_000);
  await page.clock.runFor(7_000);
  await setHidden(false);
  await page.clock.runFor(5_000);
  expect(await lost.count()).toBe(1);
  await setHidden(true);
  await page.clock.runFor(7_000);
  expect(await lost.count()).toBe(1);
  await setHidden(false);
  await page.clock.runFor(7_000);
  expect(await lost.count()).toBe(0);
});

test("the keyboard is not thrown to the top of the page when the button that it pressed is gone", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const [first, second] = await findBest(page, 2);
  await page.getByRole("button", { name: `Give back ${first}` }).press("Enter");
  await expect.poll(() => focusOf(page), PATIENTLY).toBe(`Give back ${second}`);
  await page.keyboard.press("Enter");
  await expect.poll(() => focusOf(page), PATIENTLY).toBe("basket-title");
  await findBest(page, 2);
  await page.getByRole("button", { name: "Give all back" }).press("Enter");
  await expect.poll(() => focusOf(page), PATIENTLY).toBe("basket-title");

  await findBest(page, 2);
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await page
    .locator("#purchase-list")
    .getByText(/^Cancelled/)
    .waitFor();
  expect(await focusOf(page)).toBe("purchases-title");
});

test("a tab that was duplicated no longer has the seats that are given back in the other", async () => {
  const first = await enter(office.anotherShowtime("ha_classic"));
  await findBest(first, 2);
  const stored = await first.evaluate("sessionStorage.getItem('usher.guest')");
  const second = await visit(new URL(first.url()).hash, (fresh) =>
    fresh.addInitScript(`sessionStorage.setItem("usher.guest", ${JSON.stringify(stored)})`),
  );
  await second.locator("#basket-seats li").nth(1).waitFor();
  await first.getByRole("button", { name: "Give all back" }).click();
  await second.getByText(/^No longer in your basket: /).waitFor();
  await second.getByText("None yet.").waitFor();
  // The browser itself logs the 404.
  complaints.length = 0;
});

test("on a phone a bar says what is in the basket while that is out of sight, and leads there", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 2);
  const bar = page.getByRole("button", { name: /^2 seats, €\d\d\.00 [345]:\d\d left/ });
  expect(await bar.isVisible()).toBe(false);
  await page.setViewportSize({ width: 390, height: 700 });
  await page.evaluate("scrollTo(0, 0)");
  await bar.waitFor();
  await bar.press("Enter");
  expect(await focusOf(page)).toBe("basket-title");
  await page.locator("#pay").scrollIntoViewIfNeeded();
  await bar.waitFor({ state: "hidden" });
});

test("two clicks on the best seats are one wish", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await page.getByLabel("Seats", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Find the best" }).dblclick();
  await page.locator("#basket-seats li:nth-child(2)").waitFor();
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.locator("#basket-seats li:nth-child(4)").waitFor();
  expect(await page.locator("#basket-seats li").count()).toBe(4);
});
