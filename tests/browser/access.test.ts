import { expect, test } from "vitest";
import { type HoldId } from "../../proto/index.ts";
import { Purchases } from "../support/purchases.ts";
import { basketOf, findBest, focusOf, PATIENTLY, useVisitors, Wire } from "./visitors.ts";

const { office, complaints, visit, pageOf, enter } = useVisitors();

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
  await page.locator("#legend").getByText("seat of a wheelchair user’s companion").waitFor();
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

test("the skip link goes to the content of the page that is open", async () => {
  const showtime = office.anotherShowtime("ha_classic");
  const page = await enter(showtime);
  await page.getByRole("link", { name: "Skip to the content" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => focusOf(page), PATIENTLY).toBe("main");
  expect(page.url()).toBe(pageOf(showtime));
  await page.locator("#connection[data-state=live]").waitFor();
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
  await page.clock.pauseAt((await page.evaluate<number>("Date.now()")) + 30_000);
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
  // The browser itself logs the 404 where what is left to pay was being asked for still.
  complaints.length = 0;
});
