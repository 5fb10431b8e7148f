/**
 * Usher killed with SIGKILL at every step of a purchase and of its cancellation. PURCHASE_KILLS=52 goes through all points twice; FIRST=n begins
 * with another one.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { ADMIN } from "../support/box-office.ts";
import { Purchases } from "../support/purchases.ts";
import { Rest } from "../support/rest.ts";
import { freePort, removeDirectory, temporaryDirectory, UsherProcess } from "../support/usher-process.ts";
import { audit } from "./books.ts";
import { Buyer, GaveUp } from "./buyer.ts";
import { KILL_POINTS, Trap } from "./kill-points.ts";

const KILLS = Number(process.env["PURCHASE_KILLS"] ?? 3);
const FIRST = Number(process.env["FIRST"] ?? 0);
/** Those of the short form: the seat booked, the money taken, the money given back, and nobody told of it. */
const SHORT = ["the engine books", "we know that", "we know that too"];
const FINAL_WITHIN_MS = 30_000;
const SEATS_A_KILL = 4;

const points =
  KILLS <= SHORT.length
    ? KILL_POINTS.filter(({ name }) => SHORT.includes(name)).slice(0, KILLS)
    : Array.from({ length: KILLS }, (_, at) => KILL_POINTS[(FIRST + at) % KILL_POINTS.length]).filter(
        (point) => point !== undefined,
      );
/** Each point once with each fate, where there are twice as many kills as points. */
const kills = points.map((point, at) => ({
  point,
  at,
  name: point.name,
  fate: (at + Math.floor(at / KILL_POINTS.length)) % 2 === 0 ? ("lost" as const) : ("written" as const),
}));

describe(`killed at ${KILLS} points of a purchase`, () => {
  let database: TestDatabase;
  let dataDir: string;
  let port: string;
  let usher: UsherProcess;
  let rest: Rest;
  let purchases: Purchases;

  const start = async (): Promise<void> => {
    usher = await UsherProcess.start({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      HTTP_PORT: port,
      MAX_SEATS_PER_HOLDER: "480",
      USHER_ADMIN_EMAIL: ADMIN.email,
      USHER_ADMIN_PASSWORD: ADMIN.password,
    });
  };

  beforeAll(async () => {
    database = await testDatabase();
    dataDir = await temporaryDirectory();
    port = String(await freePort());
    rest = new Rest(Number(port));
    purchases = new Purchases({ rest });
    await start();
  }, 180_000);
  afterAll(async () => {
    await usher.end("SIGTERM");
    await database.drop();
    await removeDirectory(dataDir);
  });

  it.each(kills)("as $name, which is $fate", { timeout: 120_000 }, async ({ point, at, fate }) => {
    const showtime = "st_premiere";
    const first = at * SEATS_A_KILL;
    const buyer = async (who: string, persistent: boolean): Promise<Buyer> =>
      new Buyer({ rest, token: (await purchases.customer(who)).token, name: `${who}-${at}`, persistent });
    const [stayer, leaver] = [await buyer("stayer", true), await buyer("leaver", false)];
    const trap = await Trap.set(database.url, point);

    const stayed = stayer
      .buy(showtime, [first, first + 1])
      .then(async (bought) => [bought.status, (await stayer.cancel(bought.id)).status]);
    const left = leaver.buy(showtime, [first + 2, first + 3]).then(({ id }) => leaver.cancel(id));
    const bothOver = Promise.allSettled([stayed, left]);
    await trap.caught(bothOver);
    await usher.end("SIGKILL");
    await trap.open(fate);
    // Whoever was not done yet went home.
    const ending: unknown = await left.catch((error: unknown) => error);
    if (ending instanceof Error) expect(ending).toBeInstanceOf(GaveUp);
    await start();
    const readyAt = performance.now();

    // A buyer who asks again ends where an undisturbed one does; of one who went home, everything is settled.
    await expect.poll(() => audit(database.url), { timeout: FINAL_WITHIN_MS, interval: 100 }).toEqual([]);
    console.log(`${point.name}: final after ${Math.round(performance.now() - readyAt)} ms`);
    expect(await stayed).toEqual(["confirmed", "cancelled"]);
    await expect.poll(() => audit(database.url), { timeout: FINAL_WITHIN_MS, interval: 100 }).toEqual([]);
    const { statuses } = await rest.seats(showtime);
    expect(statuses.slice(first, first + 2)).toBe("00");
    // Booked as one, or held as one while there is time to pay, or free.
    expect(statuses.slice(first + 2, first + 4)).toMatch(/^(00|11|22)$/);
  });

  it("and the gateway's books are ours", async () => {
    await purchases.balances();
  });
});
