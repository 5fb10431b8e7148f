import { expect, test } from "vitest";
import { rush } from "../../bin/commands/demo-rush.ts";
import { watch } from "../../bin/commands/watch.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { boxOffice } from "../support/box-office.ts";

const office = boxOffice();
const http = (): string => `http://127.0.0.1:${office.usher.httpPort}`;

/** A terminal that keeps what is written, and waits for more. */
class Paper {
  readonly isTTY: boolean;
  readonly columns = 100;
  readonly rows = 40;
  text = "";

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  shows(pattern: RegExp): Promise<void> {
    return expect.poll(() => this.text).toMatch(pattern);
  }
}

test.each([
  ["a picture in a terminal", true],
  ["lines in a pipe", false],
])("watch shows %s, as seats are held", async (_, isTTY) => {
  const showtime = office.anotherShowtime("ha_classic");
  const paper = new Paper(isTTY);
  const stop = new AbortController();
  const options = { showtime, http: http(), coloured: false };
  const watching = watch(options, { terminal: paper, clock: systemClock, stop: stop.signal });
  await paper.shows(/240 free, 0 held, 0 booked/);
  const buyer = await office.enter(await office.guest());
  buyer.say({ op: "hold", rid: "r", showtime, seats: [10, 11] });
  await paper.shows(/238 free, 2 held, 0 booked/);
  if (isTTY) expect(paper.text).toContain("◐");
  else expect(paper.text).toMatch(/held: \w+ \w+ /);
  stop.abort();
  await watching;
});

test("watch without a showtime shows the premiere", async () => {
  const paper = new Paper(false);
  const stop = new AbortController();
  const watching = watch({ http: http(), coloured: false }, { terminal: paper, clock: systemClock, stop: stop.signal });
  await paper.shows(/\(premiere\).*480 seats\n480 free/);
  stop.abort();
  await watching;
});

test("what cannot be watched is said in a sentence", async () => {
  const io = { terminal: new Paper(false), clock: systemClock, stop: new AbortController().signal };
  await expect(watch({ showtime: "nothing", http: http(), coloured: false }, io)).rejects.toThrow(
    /^There is no showtime nothing: /,
  );
  await expect(watch({ http: "http://127.0.0.1:1", coloured: false }, io)).rejects.toThrow(
    "No Usher answers at http://127.0.0.1:1: start it with npm start, or give its address with --http.",
  );
});

test("a rush holds, is refused, agrees about the hall, and leaves it as it was", async () => {
  const lines: string[] = [];
  const showtime = office.anotherShowtime("ha_studio");
  const options = { buyers: 60, seconds: 2, seed: 7, showtime, http: http() };
  const io = { print: (line: string) => void lines.push(line), clock: systemClock, stop: new AbortController().signal };
  const score = await rush(options, io);
  expect(score.holds).toBeGreaterThan(0);
  expect(score.refusalCount).toBeGreaterThan(0);
  const table = lines.join("\n");
  expect(table).toMatch(/seats held by two at once +0\n/);
  expect(table).toMatch(/60 viewers see the same hall +yes\n/);
  expect(table).toMatch(/seed +7$/);
  await expect.poll(async () => (await office.rest.seats(showtime)).statuses).toMatch(/^0+$/);
});
