/** The blocks of docs/guides/box-office.md, one after another as a reader would run them, and what the guide says of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { HallPlanView, NewShowtime } from "../../proto/rest/index.ts";
import { ADMIN, boxOffice, type Person } from "../support/box-office.ts";
import { Purchases } from "../support/purchases.ts";
import { removeDirectory, temporaryDirectory } from "../support/usher-process.ts";
import { Guide, withPort } from "./guide.ts";
import { Shell } from "./shell.ts";

const [signIn = "", sell = "", find = "", giveBack = "", breakSeat = "", letIn = "", cancel = "", remove = ""] =
  new Guide("box-office").blocks("sh");
const office = boxOffice();
const purchases = new Purchases(office);

let folder: string;
let shell: Shell;
let admin: Person;
let showtime: string;
/** By label, the seats of the showtime. */
let seats: ReadonlyMap<string, number>;

beforeAll(async () => {
  folder = await temporaryDirectory();
  shell = new Shell(folder);
  admin = await purchases.admin();
  const { email, password } = ADMIN;
  const here = withPort(signIn, office.usher.httpPort);
  await shell.run(here.replace("admin@usher.local", email).replace("PASSWORD", password));
  await shell.run(sell);
  showtime = await shell.run('echo "$SHOWTIME"');
  seats = new Map((await office.rest.layout(showtime)).seats.map(({ label, index }) => [label, index]));
});
afterAll(async () => {
  await shell.end();
  await removeDirectory(folder);
});

const named = (...labels: string[]): number[] => labels.map((label) => seats.get(label) ?? -1);
/** What the guide's reader has put there. */
const written = <Body>(file: string): Body => JSON.parse(readFileSync(join(folder, file), "utf8")) as Body;

it("sells a showtime, gives back after its time, lets in, mends a hall, and cancels", async () => {
  expect([...seats.keys()].join(" ")).toBe("A1 A2 A3 A4 A5 A6 A7 A8 B1 B2 B3 B4 B5 B6 B7 B8 C1 C2 C3 C4");
  const ann = await purchases.customer();
  const bought = await purchases.buy(ann, showtime, named("B1", "B2", "C1", "C2"));
  expect(bought.total).toEqual({ amount: 5_400, currency: "EUR" });
  const late = { ...written<NewShowtime>("showtime.json"), cancelUntil: "2020-01-01T00:00:00Z" };
  expect((await office.rest.call("PUT", `showtimes/${showtime}`, { token: admin.token, body: late })).status).toBe(200);
  const tooLate = await office.rest.post(`bookings/${bought.id}/cancel`, { token: ann.token, body: {} });
  expect(tooLate.body).toMatchObject({ code: "CANCELLATION_CLOSED" });

  expect(await shell.run(find.replaceAll("ann@example.com", ann.email))).toContain(bought.id);
  expect(JSON.parse(await shell.run(giveBack))).toMatchObject({ id: bought.id, seats: named("B2", "C1", "C2") });
  await purchases.comesTo(ann, bought.id, { status: "confirmed", refunded: { amount: 1_200, currency: "EUR" } });
  expect(JSON.parse(await shell.run(letIn))).toMatchObject({ bookingId: bought.id, label: "B2" });
  const [used] = await purchases.tickets(ann, bought.id, 3);
  const again = await office.rest.post("tickets/check-in", { token: admin.token, body: { qr: used?.qr } });
  expect(again.body).toMatchObject({ code: "ALREADY_USED" });

  const hall = await hallOf();
  const body = withoutC2(hall);
  const refused = await office.rest.call("PUT", `halls/${hall.id}`, { token: admin.token, body });
  expect(refused).toMatchObject({ status: 409, body: { code: "CONFLICT", labels: ["C2"], showtimeId: showtime } });
  const seat = { seats: named("C2") };
  await office.rest.post(`bookings/${bought.id}/cancel`, { token: admin.token, body: seat });
  await purchases.comesTo(ann, bought.id, { refunded: { amount: 2_700, currency: "EUR" } });
  expect(JSON.parse(await shell.run(breakSeat))).toMatchObject({ id: hall.id, seatCount: 19 });
  expect(written("without-c2.json")).toEqual(body);
  expect(await notFree()).toEqual({ B2: "2", C1: "2", C2: "3" });
  const mended = { ...body, version: hall.version + 1, sections: hall.sections };
  await office.rest.call("PUT", `halls/${hall.id}`, { token: admin.token, body: mended });
  expect(await notFree()).toEqual({ B2: "2", C1: "2" });

  const guest = await office.guest();
  const unpaid = await purchases.book(guest, showtime, named("A5", "A6"));
  expect(JSON.parse(await shell.run(cancel))).toMatchObject({ id: showtime, status: "cancelled" });
  await purchases.comesTo(ann, bought.id, { status: "refunded", refunded: { amount: 5_400, currency: "EUR" } });
  await purchases.comesTo(guest, unpaid.id, { status: "failed" });
  await expect.poll(notFree).toEqual({});
  await shell.run(remove);
  expect(await office.rest.get(`showtimes/${showtime}`)).toMatchObject({ status: 200, body: { status: "cancelled" } });
});

const hallOf = async (): Promise<HallPlanView> =>
  (await office.rest.get<HallPlanView>(`halls/${await shell.run('echo "$HALL"')}`)).body;

/** The status of each seat that is not free, by its label. */
async function notFree(): Promise<Record<string, string | undefined>> {
  const { statuses } = await office.rest.seats(showtime);
  return Object.fromEntries([...seats].map(([label, at]) => [label, statuses[at]]).filter(([, code]) => code !== "0"));
}

/** As the guide's block makes it of what `GET /halls/:id` answers. */
function withoutC2({ id: _id, seatCount: _seatCount, planVersion: _planVersion, sections, ...hall }: HallPlanView) {
  const [{ rows, ...section }] = sections as [(typeof sections)[0]]; // It has one.
  const [a, b, c] = rows;
  const seats = c?.seats?.filter(({ number }) => number !== 2);
  return { ...hall, sections: [{ ...section, rows: [a, b, { ...c, seats }] }] };
}
