/** Chromium at an Usher of a test file's own, and what visitors do there. */
import type { Browser, Page, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { encodeServerMsgpack, type ServerMessage } from "../../proto/ws/index.ts";
import { type BoxOffice, boxOffice } from "../support/box-office.ts";
import { launchChromium } from "./chromium.ts";

export const PATIENTLY = { timeout: 20_000 };

export interface Visitors {
  readonly office: BoxOffice;
  /** What the browser complained about, which fails the test unless it takes it out. */
  readonly complaints: string[];
  /** A page of its own visitor. */
  visit(path: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page>;
  /** One that is nowhere yet, and may complain. */
  newPage(): Promise<Page>;
  /** The address of a showtime's page. */
  pageOf(showtime: string): string;
  /** A visitor who sees the hall, live. */
  enter(showtime: string): Promise<Page>;
}

/** Starts both before the tests of this file, and ends them after. */
export function useVisitors(): Visitors {
  const office = boxOffice();
  const complaints: string[] = [];
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(complaints.splice(0), "what the browser complained about").toEqual([]);
  });

  const at = (path: string): string => `http://127.0.0.1:${office.usher.httpPort}/${path}`;
  const visit: Visitors["visit"] = async (path, prepare) => {
    const page = await browser.newPage({ locale: "en-GB", timezoneId: "Europe/Berlin" });
    await prepare?.(page);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`${message.text()} ${message.location().url}`);
    });
    await page.goto(at(path));
    return page;
  };

  return {
    office,
    complaints,
    visit,
    newPage: () => browser.newPage(),
    pageOf: (showtime) => at(`#/showtimes/${showtime}`),
    async enter(showtime) {
      const page = await visit(`#/showtimes/${showtime}`);
      await page.locator("#connection[data-state=live]").waitFor();
      return page;
    },
  };
}

/** Stands between a page and the server: keeps back what one is to get later, and says what the server never said. */
export class Wire {
  readonly kept: (() => void)[] = [];
  #keeps: number | undefined;
  #route: WebSocketRoute | undefined;

  tap(page: Page): Promise<void> {
    return page.routeWebSocket(/\/v1$/, (route) => {
      this.#route = route;
      const server = route.connectToServer();
      server.onMessage((frame) => this.#pass(frame, route));
      route.onMessage((frame) => this.#pass(frame, server));
    });
  }

  #pass(frame: string | Buffer, to: WebSocketRoute): void {
    if (frame[1] === this.#keeps) this.kept.push(() => to.send(frame));
    else to.send(frame);
  }

  keep(op: number): void {
    this.#keeps = op;
  }

  letGo(): void {
    this.#keeps = undefined;
    for (const send of this.kept.splice(0)) send();
  }

  /** What was kept is lost, and so is the connection. */
  cut(): void {
    this.#keeps = undefined;
    this.kept.length = 0;
    void this.#route?.close({ code: 1001 });
  }

  say(message: ServerMessage): void {
    this.#route?.send(Buffer.from(encodeServerMsgpack(message)));
  }
}

export async function findBest(page: Page, seats: number): Promise<string[]> {
  await page.getByLabel("Seats", { exact: true }).fill(String(seats));
  await page.getByRole("button", { name: "Find the best" }).click();
  await page.locator(`#basket-seats li:nth-child(${seats}):last-child`).waitFor();
  return basketOf(page);
}

export const focusOf = (page: Page): Promise<string> =>
  page.evaluate(`document.activeElement.getAttribute("aria-label") ?? document.activeElement.id`);

export const basketOf = (page: Page): Promise<string[]> => page.locator("#basket-seats strong").allTextContents();
