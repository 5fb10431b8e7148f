import { expect, test } from "vitest";
import type { Layout } from "../../client/index.ts";
import { type HoldId } from "../../proto/index.ts";
import { OP } from "../../proto/ws/op.ts";
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
  // Seats of the open hall may have the same names.
  await page.getByText(/^\S.*, .+ \d.*: Yours for now: /).waitFor();
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
