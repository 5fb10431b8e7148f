import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { OP } from "../../proto/ws/op.ts";
import { boxOffice } from "../support/box-office.ts";
import { launchChromium } from "./chromium.ts";

const office = boxOffice();
let browser: Browser;
const complaints: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(complaints.splice(0), "what the browser complained about").toEqual([]);
});

/** A page of its own visitor; what it says on its console fails the test. */
async function visit(path: string): Promise<Page> {
  const page = await browser.newPage({ locale: "en-GB" });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(`http://127.0.0.1:${office.usher.httpPort}/${path}`);
  return page;
}

const pageOf = (showtime: string): string => `http://127.0.0.1:${office.usher.httpPort}/#/showtimes/${showtime}`;

async function enter(showtime: string): Promise<Page> {
  const page = await visit(`#/showtimes/${showtime}`);
  await page.locator("#connection[data-state=live]").waitFor();
  return page;
}

const basketOf = (page: Page): Promise<string[]> => page.locator("#basket-seats strong").allTextContents();

test("a visitor finds the premiere, takes the best seats, and gives them back; another sees it happen", async () => {
  const page = await visit("");
  await page.getByRole("link", { name: "Watch it sell" }).click();
  await page.locator("#connection[data-state=live]").waitFor();
  const other = await browser.newPage();
  await other.goto(page.url());
  await other.getByText("480 free, 0 being decided on").waitFor();

  await page.getByLabel("Seats", { exact: true }).fill("3");
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.getByText("left to decide").waitFor();
  expect(await basketOf(page)).toHaveLength(3);
  expect(await page.locator("#countdown").textContent()).toMatch(/^[45]:\d\d$/);
  await other.getByText("477 free, 3 being decided on").waitFor();

  await page.getByRole("button", { name: "Give all back" }).click();
  await page.getByText("None yet.").waitFor();
  await other.getByText("480 free, 0 being decided on").waitFor();
});

test("a visitor pays on the gateway's page, gets a code for each seat, also after a reload, and gives them back", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.locator("#basket").waitFor();
  const seats = await basketOf(page);
  await page.getByRole("button", { name: "Book and pay" }).click();
  const [gateway] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("link", { name: /^Pay / }).click(),
  ]);
  await gateway.locator("button[value=tok_ok]").click();
  await gateway.getByText("You can go back to the shop.").waitFor();

  const codes = page.getByAltText("Code of seat");
  await codes.nth(seats.length - 1).waitFor();
  const drawn = `[...document.querySelectorAll(".code")].filter((image) => image.naturalWidth > 0).length`;
  await expect.poll(() => page.evaluate(drawn)).toBe(seats.length);
  await page.reload();
  await codes.nth(seats.length - 1).waitFor();
  expect(await page.locator("#purchase-list strong").textContent()).toBe(seats.join(" and "));
  await page.getByRole("button", { name: "Cancel and get the money back" }).click();
  await page.getByText(/^(Cancelled|Refunded): /).waitFor();
  await expect.poll(() => codes.count()).toBe(0);
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

test("the list of seats does what the map does", async () => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.getByText("Seats as a list").click();
  await page.locator("#list-row").selectOption("C");
  const seat = page.getByRole("button", { name: /^Row C, seat 4, / });
  await seat.click();
  await expect.poll(() => seat.getAttribute("aria-pressed")).toBe("true");
  expect(await basketOf(page)).toEqual(["C4"]);
});

test("whoever is too late is told so, in words", async () => {
  const showtime = office.anotherShowtime("ha_studio");
  const page = await browser.newPage();
  // The page is kept from seeing what others do, so that it cannot but be late.
  await page.routeWebSocket(/\/v1$/, (route) => {
    const server = route.connectToServer();
    server.onMessage((frame) => {
      if (frame[1] !== OP.delta) route.send(frame);
    });
  });
  await page.goto(pageOf(showtime));
  await page.getByText("Seats as a list").click();
  const seat = page.getByRole("button", { name: /^Row A, seat 1, .*free$/ });
  await seat.waitFor();
  const rival = await office.enter(await office.guest());
  rival.say({ op: "hold", rid: "first", showtime, seats: [0] });
  await rival.next("held");
  await seat.click();
  await page.getByText("Somebody was quicker: A1 has just gone.").waitFor();
});

test("a lost connection is shown, and mends by itself", async () => {
  const page = await browser.newPage();
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
