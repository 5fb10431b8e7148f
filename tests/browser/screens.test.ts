/** Screens that are nobody's own: one visitor after another, nobody at all, and browsers that are older than the page. */
import { expect, test } from "vitest";
import { findBest, PATIENTLY, useVisitors } from "./visitors.ts";

const { office, complaints, visit, enter, pageOf } = useVisitors();

test("who is done is forgotten: held seats go back, and whoever comes next is another guest", async () => {
  const showtime = office.anotherShowtime("ha_classic");
  const page = await enter(showtime);
  const done = page.getByRole("button", { name: "I’m done here" });
  expect(await done.isVisible()).toBe(false);
  await findBest(page, 2);
  await expect.poll(() => page.locator("#tally").textContent(), PATIENTLY).toContain("2 being decided on");
  await done.click();
  const question = page.getByRole("dialog", { name: "Done on this screen?" });
  await question.getByText("Seats that you have not booked are given back.").waitFor();
  await question.getByRole("button", { name: "Not yet" }).click();
  await page.getByRole("button", { name: "Book and pay" }).waitFor();
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByRole("link", { name: /^Pay / }).waitFor();
  await findBest(page, 1);
  await done.click();
  await question.getByText("save your tickets first").waitFor();
  await question.getByRole("button", { name: "Forget me" }).click();
  await page.getByRole("heading", { name: "What’s on" }).waitFor();
  expect(await done.isVisible()).toBe(false);
  await page.goto(pageOf(showtime));
  await page.locator("#connection[data-state=live]").waitFor();
  await expect.poll(() => page.locator("#tally").textContent(), PATIENTLY).toContain("2 being decided on");
  expect(await page.locator("#purchases").isVisible()).toBe(false);
  expect(await page.locator("#basket").isVisible()).toBe(false);
});

test("the button for who is done moves no seat as it comes, and once it is pressed nothing else is, while seats are given back", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const topOfMap = (): Promise<number | undefined> =>
    page
      .locator("#seats")
      .boundingBox()
      .then((box) => box?.y);
  const top = await topOfMap();
  expect(top).toBeGreaterThan(0);
  await findBest(page, 1);
  expect(await topOfMap()).toBe(top);
  const answers: (() => Promise<void>)[] = [];
  await page.route(/\/holds\//, (route) => void answers.push(() => route.continue()));
  await page.getByRole("button", { name: "I’m done here" }).click();
  const question = page.getByRole("dialog", { name: "Done on this screen?" });
  const words = await question.getAttribute("aria-describedby");
  expect(await page.locator(`#${words}`).textContent()).toContain("Whoever comes next sees nothing of yours.");
  const told = page.locator("#messages").getByText("you are forgotten").waitFor();
  await question.getByRole("button", { name: "Forget me" }).click();
  await told;
  await expect(page.getByText("Book and pay").click({ timeout: 300 })).rejects.toThrow("Timeout");
  await expect.poll(() => answers.length, PATIENTLY).toBe(1);
  await answers[0]?.();
  await page.getByRole("heading", { name: "What’s on" }).waitFor();
});

test("a page that could not be opened is tried again where nobody presses a button, and keeps the focus that is in it", async () => {
  let isAway = true;
  const page = await visit("", async (fresh) => {
    await fresh.clock.install();
    await fresh.route(/\/movies/, (route) => (isAway ? route.abort() : route.continue()));
  });
  const again = page.getByRole("button", { name: "Try again" });
  await again.focus();
  // What the first of them has shown is there when the second is sent.
  for (let time = 0; time < 2; time++) {
    const retried = page.waitForEvent("requestfailed", (request) => request.url().includes("/movies"));
    await page.clock.fastForward(30_000);
    await retried;
  }
  expect(await again.evaluate((element) => element.matches(":focus"))).toBe(true);
  isAway = false;
  await page.clock.fastForward(30_000);
  await page.getByRole("heading", { name: "What’s on" }).waitFor();
  // The browser itself logs what could not be fetched.
  complaints.length = 0;
});

test("a hall whose picture the browser's graphics have lost is drawn anew", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const picture = () => page.evaluate<string>("document.getElementById('seats').toDataURL()");
  const empty = await page.evaluate<string>(`document.createElement("canvas").toDataURL()`);
  await expect.poll(async () => (await picture()).length, PATIENTLY).toBeGreaterThan(10 * empty.length);
  const full = await picture();
  // Given a size, a canvas is emptied, and has its state as at first.
  await page.evaluate(`
    const seats = document.getElementById("seats");
    seats.width = seats.width + 0;
    seats.dispatchEvent(new Event("contextrestored"));
  `);
  await expect.poll(picture, PATIENTLY).toBe(full);
});

test("a page that the browser keeps nothing for has a guest until it is loaded anew", async () => {
  const page = await visit("", (fresh) =>
    fresh.addInitScript(() => {
      Object.defineProperty(globalThis, "sessionStorage", {
        get: () => {
          throw new DOMException("denied", "SecurityError");
        },
      });
    }),
  );
  await page.goto(pageOf(office.anotherShowtime("ha_classic")));
  await page.locator("#connection[data-state=live]").waitFor();
  await findBest(page, 1);
});

test("a page whose program does not run says so", async () => {
  const page = await visit("", (fresh) => fresh.route(/\/main\.js$/, (route) => route.abort()));
  const words = page.getByText("This page does not start.");
  expect(await words.isVisible()).toBe(false);
  await words.waitFor();
  complaints.length = 0;
});

test("a page that the browser keeps nothing for says so before anything is paid, and is not closed by mistake", async () => {
  const page = await visit("", (fresh) =>
    fresh.addInitScript(`Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };`),
  );
  await page.goto(pageOf(office.anotherShowtime("ha_classic")));
  await page.locator("#connection[data-state=live]").waitFor();
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.type());
    void dialog.accept();
  });
  await page.reload();
  expect(dialogs).toEqual([]);
  await findBest(page, 1);
  await page.getByText("This browser keeps nothing for the page").waitFor();
  await page.getByRole("button", { name: "Book and pay" }).click();
  await page.getByText("Your tickets are in this tab alone").waitFor();
  await page.reload();
  expect(dialogs).toEqual(["beforeunload"]);
});
