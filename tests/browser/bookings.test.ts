import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Booking, Ticket } from "../../client/index.ts";
import { type BookingId, showtimeId } from "../../proto/index.ts";
import { OP } from "../../proto/ws/op.ts";
import { findBest, focusOf, PATIENTLY, useVisitors, Wire } from "./visitors.ts";

const { office, complaints, visit, enter, pageOf } = useVisitors();

/** What is shown, which is read out elsewhere too. */
const purchases = (page: Page): Locator => page.locator("#purchase-list");

/** Chooses on the gateway's page, which the page's link opens. */
async function payBy(token: string, page: Page): Promise<Page> {
  const [gateway] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("link", { name: /^Pay / }).click(),
  ]);
  await gateway.locator(`button[value=${token}]`).click();
  return gateway;
}

/** Books what is in the basket, and pays for it on the gateway's page. */
async function buy(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Book and pay" }).click();
  await (await payBy("tok_ok", page)).getByText("You can go back to the shop.").waitFor();
}

/** Who the page's visitor is. The cast: what the page itself has stored. */
async function tokenOf(page: Page): Promise<string> {
  const guest = await page.evaluate<string>("sessionStorage.getItem('usher.guest')");
  return (JSON.parse(guest) as { readonly token: string }).token;
}

/** Has the page read its bookings as others than they are, from now on until `page.unrouteAll`. */
async function misread(page: Page, changes: Partial<Booking>): Promise<void> {
  await page.route(/\/bookings\?/, async (route) => {
    const answer = await route.fetch();
    // The cast: it is what the server gave.
    const { items, ...rest } = (await answer.json()) as { readonly items: readonly Booking[] };
    await route.fulfill({ json: { ...rest, items: items.map((booking) => ({ ...booking, ...changes })) } });
  });
}

test("a visitor pays on the gateway's page, gets a code for each seat, also after a reload, and gives them back when asked twice", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const seats = await findBest(page, 2);
  await buy(page);
  const codes = page.getByAltText("Code of seat");
  await codes.nth(seats.length - 1).waitFor();
  const drawn = `[...document.querySelectorAll(".code img")].filter((image) => image.naturalWidth > 0).length`;
  await expect.poll(() => page.evaluate(drawn)).toBe(seats.length);
  await page.reload();
  await codes.nth(seats.length - 1).waitFor();
  expect(await page.locator("#purchase-list strong").textContent()).toBe(seats.join(" and "));
  await page.getByText("Your tickets are in this tab alone").waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save as PDF" }).click(),
  ]);
  expect(saved.suggestedFilename()).toMatch(/^tickets-.+\.pdf$/);
  expect((await readFile(await saved.path())).subarray(0, 5).toString()).toBe("%PDF-");
  expect(await page.locator(".code figcaption").allTextContents()).toEqual(seats);
  const giveBack = page.getByRole("button", { name: "Cancel and get the money back" });
  const question = page.getByRole("dialog", { name: "Give your tickets back?" });
  await giveBack.press("Enter");
  await question.waitFor();
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "hidden" });
  expect(await giveBack.evaluate((element) => element.matches(":focus"))).toBe(true);
  await page.keyboard.press("Enter");
  await question.getByRole("button", { name: "Give them back" }).press("Enter");
  await page.getByText(/^Cancelled at your wish\. €\d\d\.00 has been paid back to you\.$/).waitFor();
  await expect.poll(() => codes.count()).toBe(0);
});

test("seats are handed over to their booking also where its answer is lost", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const seats = await findBest(page, 2);
  await page.route(/\/bookings$/, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.getByRole("button", { name: "Book and pay" }).click();
  await purchases(page).getByText("Waiting for your payment").waitFor();
  expect(await page.locator("#purchase-list strong").allTextContents()).toEqual([seats.join(" and ")]);
  await page.getByText("None yet.").waitFor();
  // The browser itself logs the request that failed.
  complaints.length = 0;
});

test("the keyboard goes on in the bookings, and how each stands is read out once", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const seats = (await findBest(page, 2)).join(" and ");
  await page.evaluate(`{
    const spoken = document.querySelector("#spoken");
    window.said = [];
    new MutationObserver(() => window.said.push(spoken.textContent)).observe(spoken, { childList: true });
  }`);
  await page.getByRole("button", { name: "Book and pay" }).press("Enter");
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  await expect.poll(() => focusOf(page), PATIENTLY).toBe("purchases-title");
  await payBy("tok_ok", page);
  await page.getByAltText("Code of seat").nth(1).waitFor();
  expect(await page.evaluate("window.said")).toEqual([
    `${seats}: Waiting for your payment.`,
    `${seats}: Paid: show these codes at the door.`,
  ]);
});

test("how much time there is to pay is shown, also when a payment was declined, and such a booking is cancelled too", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 2);
  await page.getByRole("button", { name: "Book and pay" }).click();
  const time = page.getByText(/^Pay within [34]:\d\d$/);
  await time.waitFor();
  await payBy("tok_declined", page);
  await purchases(page).getByText("The card was declined.").waitFor();
  await time.waitFor();
  await page.getByRole("button", { name: "Pay", exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await purchases(page).getByText("Cancelled at your wish.").waitFor();
  expect(await time.count()).toBe(0);
  // The browser itself logs the 404 where what is left to pay was being asked for still.
  complaints.length = 0;
});

test("that seats which were chosen apart are paid for apart is said before they are booked, and which is which afterwards", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.getByText("Seats as a list").click();
  await page.getByRole("button", { name: /^A1, Row A, seat 1, / }).click();
  const note = page.getByText("paid for in 2 payments: A1; A2.");
  await page.locator("#basket").waitFor();
  expect(await note.count()).toBe(0);
  await page.getByRole("button", { name: /^A2, Row A, seat 2, / }).click();
  await note.waitFor();
  await page.getByRole("button", { name: "Book and pay" }).click();
  for (const seat of ["A1", "A2"]) await page.getByRole("link", { name: new RegExp(`^Pay .+ for ${seat}$`) }).waitFor();
});

test("seats that one has booked are one's own in the map and in the list", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.getByText("Seats as a list").click();
  await page.getByRole("button", { name: /^A1, Row A, seat 1, / }).click();
  await page.getByRole("button", { name: "Book and pay" }).click();
  const mine = page.getByRole("button", { name: /^A1, Row A, seat 1, .*, yours, booked$/ });
  await mine.waitFor();
  expect(await mine.getAttribute("aria-pressed")).toBe("true");
  // The payment has begun: one that is asked for after the end of its booking is refused.
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: /^A1, Row A, seat 1, .*, free$/ }).waitFor();
  // The browser itself logs the 404 where what is left to pay was being asked for still.
  complaints.length = 0;
});

test("a refused look at the bookings is not made again before the server said", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 1);
  const looks: number[] = [];
  const body = JSON.stringify({ code: "UNAVAILABLE", retryInMs: 3_000 });
  await page.route(/\/bookings\?/, async (route) => {
    looks.push(performance.now());
    await route.fulfill({ status: 503, contentType: "application/problem+json", body });
  });
  await page.reload();
  // There may be more by the time that this looks.
  await expect.poll(() => looks.length, PATIENTLY).toBeGreaterThanOrEqual(2);
  await page.unrouteAll({ behavior: "wait" });
  const [first = 0, second = 0] = looks;
  expect(second - first).toBeGreaterThan(2_900);
  // The browser itself logs the requests that failed.
  await expect.poll(() => complaints.length, PATIENTLY).toBe(looks.length);
  complaints.length = 0;
});

test("what cannot be had just now of one booking keeps no other's codes from the buyer", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 2);
  await buy(page);
  const codes = page.getByAltText("Code of seat");
  await codes.nth(1).waitFor();
  await findBest(page, 1);
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  let refused = 0;
  const body = JSON.stringify({ code: "UNAVAILABLE", retryInMs: 1_000 });
  await page.route(/\/holds\//, async (route) => {
    refused++;
    await route.fulfill({ status: 503, contentType: "application/problem+json", body });
  });
  await page.reload();
  await codes.nth(1).waitFor();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await page.getByText(/^Pay within [34]:\d\d$/).waitFor();
  // The browser itself logs the requests that failed.
  await expect.poll(() => complaints.length, PATIENTLY).toBe(refused);
  complaints.length = 0;
});

test("a guest's token is used to its end, and the codes bought with it stay when the next guest buys", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) => wire.tap(fresh));
  let guests = 0;
  page.on("request", (request) => (guests += Number(request.url().endsWith("/auth/guest"))));
  const seats = await findBest(page, 2);
  wire.say({ op: "reauth", inMs: 60_000 });
  await buy(page);
  const codes = page.getByAltText("Code of seat");
  await codes.nth(seats.length - 1).waitFor();
  wire.say({ op: "reauth", inMs: 60_000 });
  await findBest(page, 1);
  expect(guests).toBe(1);

  await page.getByRole("button", { name: "Give all back" }).click();
  await page.getByText("None yet.").waitFor();
  wire.keep(OP.authed);
  wire.say({ op: "error", code: "UNAUTHORIZED", message: "The token is over." });
  await expect.poll(() => wire.kept.length, PATIENTLY).toBe(1);
  wire.letGo();
  expect(guests).toBe(2);
  await findBest(page, 2);
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  expect(await codes.count()).toBe(seats.length);
});

test("late money that brings the seats after all is shown as soon as it is told, and also where nobody tells", async () => {
  const showtime = office.anotherShowtime("ha_classic");
  const wire = new Wire();
  const page = await visit(`#/showtimes/${showtime}`, (fresh) => wire.tap(fresh));
  await findBest(page, 2);
  await page.getByRole("button", { name: "Book and pay" }).click();
  const link = page.getByRole("link", { name: /^Pay / });
  await link.waitFor();
  const paid = { paymentId: "pay_1", method: "mock" } as const;
  await misread(page, { status: "expired", reason: null, payment: { ...paid, status: "failed" } });
  const late = purchases(page).getByText("ot paid in time");
  await late.waitFor();
  await page.unrouteAll({ behavior: "wait" });
  const bookingId = (await page.locator("#purchase-list li").getAttribute("id")) as BookingId; // The cast: the server gave it.
  wire.say({ op: "booking", bookingId, showtime: showtimeId(showtime), status: "confirmed" });
  await link.waitFor();

  await misread(page, { status: "expired", reason: null, payment: { ...paid, status: "pending" } });
  await late.waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await link.waitFor();
});

test("tickets that were given back while there was no word of it are no longer shown as good", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) => wire.tap(fresh));
  await findBest(page, 1);
  await buy(page);
  await page.getByAltText("Code of seat").waitFor();
  wire.keep(OP.booking);
  const id = await page.locator("#purchase-list li").getAttribute("id");
  await office.rest.post(`bookings/${id}/cancel`, { token: await tokenOf(page), body: {} });
  await expect.poll(() => wire.kept.length, PATIENTLY).toBeGreaterThan(0);
  await purchases(page).getByText("Paid: show these codes").waitFor();
  wire.cut();
  await purchases(page).getByText("has been paid back to you").waitFor();
});

test("codes that are void are no longer shown: of a seat that was given back, and of a ticket that was issued anew", async () => {
  const wire = new Wire();
  const showtime = office.anotherShowtime("ha_classic");
  const page = await visit(`#/showtimes/${showtime}`, (fresh) => wire.tap(fresh));
  await findBest(page, 3);
  await buy(page);
  await page.getByAltText("Code of seat").nth(2).waitFor();
  const bookingId = (await page.locator("#purchase-list li").getAttribute("id")) as BookingId; // The cast: the server gave it.
  const token = await tokenOf(page);
  const { body } = await office.rest.get<{ readonly items: readonly Ticket[] }>(`bookings/${bookingId}/tickets`, {
    token,
  });
  const [given, again, same] = body.items;
  const pictureOf = (ticket: Ticket | undefined) =>
    page.getByAltText(`Code of seat ${ticket?.label}`, { exact: true }).getAttribute("src");
  const before = [await pictureOf(again), await pictureOf(same)];
  await office.rest.post(`bookings/${bookingId}/cancel`, { token, body: { seats: [given?.seat] } });
  const labels = page.locator(".code figcaption");
  await expect.poll(() => labels.allTextContents(), PATIENTLY).toEqual([again?.label, same?.label]);

  await office.rest.post(`tickets/${again?.id}/reissue`, { token });
  wire.say({ op: "booking", bookingId, showtime, status: "confirmed" });
  await expect.poll(() => pictureOf(again), PATIENTLY).not.toBe(before[0]);
  expect(await pictureOf(same)).toBe(before[1]);
  expect(await labels.allTextContents()).toEqual([again?.label, same?.label]);
});

test("seats chosen apart are all booked before the first is paid for, and whichever cannot be paid is told of", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.getByText("Seats as a list").click();
  for (const seat of ["A1, Row A, seat 1,", "A2, Row A, seat 2,"]) {
    await page.getByRole("button", { name: new RegExp(`^${seat} .*, free$`) }).click();
    await page.getByRole("button", { name: new RegExp(`^${seat} .*, yours$`) }).waitFor();
  }
  const body = JSON.stringify({ code: "UNAVAILABLE", detail: "Not now.", retryInMs: 3_000 });
  await page.route(/\/payments$/, (route) =>
    route.fulfill({ status: 503, contentType: "application/problem+json", body }),
  );
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.locator("#purchase-list li:nth-child(2)").waitFor();
  await page.getByText("None yet.").waitFor();
  await expect.poll(() => complaints.length, PATIENTLY).toBe(2);
  complaints.length = 0;
});

test("what a guest had not paid yet when its time was over stays, with what to do about it", async () => {
  const wire = new Wire();
  const page = await visit(`#/showtimes/${office.anotherShowtime("ha_classic")}`, (fresh) => wire.tap(fresh));
  await findBest(page, 1);
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  const id = await page.locator("#purchase-list li").getAttribute("id");
  wire.say({ op: "error", code: "UNAUTHORIZED", message: "The token is over." });
  await findBest(page, 1);
  await purchases(page).getByText(`ask at the box office with the number ${id}`).waitFor();
  expect(await purchases(page).getByRole("link").count()).toBe(0);
});

test("what is not answered in one hall keeps nobody from buying in the next", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await findBest(page, 1);
  let asked = 0;
  await page.route(/\/bookings$/, (route) => (asked++ === 0 ? undefined : route.continue()));
  await page.getByRole("button", { name: "Book and pay" }).click();
  await expect.poll(() => asked, PATIENTLY).toBe(1);
  await page.goto(pageOf(office.anotherShowtime("ha_classic")));
  await page.getByText("None yet.").waitFor();
  await findBest(page, 1);
  // Requests are given up, which would free it too, after half a minute.
  await page.getByRole("button", { name: "Book and pay" }).click({ timeout: 10_000 });
  await page.getByRole("link", { name: /^Pay / }).waitFor();
});
