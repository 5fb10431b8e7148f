/** The page as its styles lay it out: narrow screens, large letters, zoomed pages, and colours that are the browser's own. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { findBest, PATIENTLY, useVisitors } from "./visitors.ts";

const { office, visit, enter } = useVisitors();

/** What is cut off, or sticks out to the right. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll("main :not(.visually-hidden), header *")]
    .filter((element) => element.checkVisibility() && element.closest(".days, canvas, .visually-hidden") === null)
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < 0 || right > innerWidth || element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
    })
    .map((element) => element.outerHTML.slice(0, 80))
    .concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])`);

test.each([
  ["a title that is one long word", "Donaudampfschifffahrtsgesellschaft", "16px"],
  ["letters of twice the size", "Metropolis", "32px"],
])("nothing sticks out of a narrow screen: %s", async (_, title, fontSize) => {
  const large = `document.documentElement.style.fontSize = "${fontSize}"`;
  const page = await visit("", async (fresh) => {
    await fresh.setViewportSize({ width: 320, height: 640 });
    await fresh.route(/\/v1\/showtimes(\?|\/[^/]+$)/, async (route) => {
      const text = await (await route.fetch()).text();
      await route.fulfill({
        contentType: "application/json",
        body: text.replaceAll(/"title":"[^"]+"/g, `"title":"${title}"`),
      });
    });
  });
  await page.locator(".premiere a").waitFor();
  await page.evaluate(large);
  expect(await cutOff(page)).toEqual([]);
  await page.locator(".premiere a").click();
  await page.locator("#connection[data-state=live]").waitFor();
  await findBest(page, 2);
  await page.getByText("Seats as a list").click();
  expect(await cutOff(page)).toEqual([]);
});

test.each([390, 1000])("no button lies over the seats of a map %i pixels wide", async (width) => {
  const page = await enter(office.anotherShowtime("ha_studio"));
  await page.setViewportSize({ width, height: 1000 });
  const seats = await page.locator("#seats").boundingBox();
  const buttons = await page.locator(".zoom").boundingBox();
  expect(buttons?.y).toBeGreaterThanOrEqual((seats?.y ?? Infinity) + (seats?.height ?? 0));
});

test("a page that is zoomed by fingers can be moved on by them, also over the map", async () => {
  const page = await enter(office.anotherShowtime("ha_classic"));
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("Emulation.setDeviceMetricsOverride", {
    width: 390,
    height: 700,
    deviceScaleFactor: 1,
    mobile: true,
  });
  const touchAction = () => page.evaluate<string>(`getComputedStyle(document.getElementById("seats")).touchAction`);
  expect(await touchAction()).toBe("none");
  await devTools.send("Emulation.setPageScaleFactor", { pageScaleFactor: 2 });
  await expect.poll(touchAction, PATIENTLY).toBe("auto");
  await devTools.send("Emulation.setPageScaleFactor", { pageScaleFactor: 1 });
  await expect.poll(touchAction, PATIENTLY).toBe("none");
});

test("the chosen day and one's own seats can be told from the others where colours are the browser's own", async () => {
  const page = await visit("", (fresh) => fresh.emulateMedia({ forcedColors: "active" }));
  const groundOf = (selector: string) =>
    page.evaluate<string>(`getComputedStyle(document.querySelector("${selector}")).backgroundColor`);
  const isTold = async (list: string): Promise<boolean> =>
    (await groundOf(`${list} [aria-pressed=true]`)) !== (await groundOf(`${list} [aria-pressed=false]`));
  await page.locator("#days button").first().waitFor();
  expect(await isTold("#days")).toBe(true);
  await page.locator(".premiere a").click();
  await page.getByText("Seats as a list").click();
  await page.locator("#list-seats button").first().click();
  await page.locator("#list-seats [aria-pressed=true]").waitFor();
  expect(await isTold("#list-seats")).toBe(true);
});
