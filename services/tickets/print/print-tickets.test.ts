import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPdf } from "../testing/pdf.ts";
import { readQr, readQrSvg } from "../testing/read-qr.ts";
import { euros, Peers } from "../testing/world.ts";
import { printTickets, type PrintJob, qrSvg } from "./index.ts";

const peers = new Peers();
const prices = { adult: euros(1_250), child: euros(900), senior: euros(1_000), student: euros(1_000) };
const QR = "AEBAGBAFAYDQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIRDEQSSMJZIFEVCWLBNFYXTAMJSGM2DKNRXHA4TUOZ4HU7D";

const ticket = (seat: number, ticketType: "adult" | "child"): PrintJob["tickets"][number] => ({
  id: `tk_${String(seat).padStart(22, "0")}`,
  qr: `${QR}${seat}`.replaceAll(/[01889]/g, "B"),
  seat: {
    seat,
    label: `C${seat}`,
    section: "Parkett",
    row: "C",
    number: seat,
    prices,
    category: "premium",
    categoryName: "Premium",
  },
  sale: { seat, label: `C${seat}`, ticketType, price: prices[ticketType] },
});
const job = (change: Partial<PrintJob> = {}): PrintJob => ({
  bookingId: "bk_123",
  showtime: peers.showtime,
  plan: peers.plan,
  language: "de",
  tickets: [ticket(44, "adult"), ticket(45, "child")],
  ...change,
});
const titled = async (title: string) =>
  readPdf(await printTickets(job({ showtime: { ...peers.showtime, title }, tickets: [ticket(44, "adult")] })))[0]!;

describe("tickets on paper", () => {
  it("say everything that one wants to know, each on a page of its own", async () => {
    const pages = readPdf(await printTickets(job()));
    expect(pages).toHaveLength(2);
    expect(pages[1]!.lines).toEqual([
      "Eintrittskarte",
      "Astoria Lichtspiele",
      "Metropolis",
      "Freitag, 15. Januar 2027 um 20:15 MEZ",
      "Kantstraße 48, 10625 Berlin",
      "Reihe",
      "C",
      "Platz",
      "45",
      "Saal",
      "Großer Saal · Parkett",
      "Eintrittskarte",
      "Kind · Premium",
      "Preis",
      "9,00\u00a0€",
      "C45",
      "Leinwand",
      "Zeigen Sie diesen Code am Einlass, auf Papier oder auf dem Telefon. Er gilt für eine Person und einmal: Geben Sie ihn nicht weiter.",
      "Buchung bk_123",
      "tk_0000000000000000000045",
    ]);
  });

  it("speak English to everybody else", async () => {
    const [page] = readPdf(await printTickets(job({ language: "fr" })));
    for (const line of ["Ticket", "Friday, 15 January 2027 at 20:15 CET", "Row", "Seat", "Adult · Premium", "€12.50"])
      expect(page!.lines).toContain(line);
  });

  it("tell the time of the cinema, wherever that is", async () => {
    const showtime = { ...peers.showtime, timeZone: "America/New_York" };
    const [page] = readPdf(await printTickets(job({ showtime, language: "en" })));
    expect(page!.lines).toContain("Friday, 15 January 2027 at 14:15 GMT-5");
  });

  it.each([
    ["JPY", 1_250, "¥1,250"],
    ["EUR", 0, "€0.00"],
    ["KWD", 1_250, "KWD\u00a01.250"],
  ])("print prices in %s", async (currency, amount, shown) => {
    const [one] = job().tickets;
    const tickets = [{ ...one!, sale: { ...one!.sale, price: { currency, amount } } }];
    const [page] = readPdf(await printTickets(job({ language: "en", tickets })));
    expect(page!.lines.some((line) => line.endsWith(shown) || line.includes(shown))).toBe(true);
  });

  it("have a code that can be read", async () => {
    const { tickets } = job();
    const pages = readPdf(await printTickets(job()));
    pages.forEach(({ bars }, index) => {
      const size = Math.max(...bars.map(({ x, length }) => x + length)) + 4;
      expect(readQr(bars, size)).toBe(tickets[index]!.qr);
    });
  });

  it("show the seat in its hall, also in a hall of twenty thousand, and do without a plan", async () => {
    const [page] = readPdf(await printTickets(job()));
    expect([page!.dots, page!.circles]).toEqual([200, 2]);
    const arena = Array.from({ length: 20_000 }, (_, seat) => ({
      x: (seat % 200) * 55,
      y: Math.floor(seat / 200) * 90,
    }));
    const sold = Array.from({ length: 60 }, (_, seat) => ticket(seat, "adult"));
    expect((await printTickets(job({ plan: arena, tickets: sold }))).length).toBeLessThan(900_000);
    expect(readPdf(await printTickets(job({ plan: [] })))[0]).toMatchObject({ dots: 0, circles: 0 });
    expect(readPdf(await printTickets(job({ plan: [{ x: 0, y: 0 }] })))).toHaveLength(2);
  });

  it.each(["Der Himmel über Berlin: Ä Ö Ü ä ö ü ß", "Amélie – «Œuvre» “Nuit”, €5", "<b>bold</b> (paren) \\ [x] TJ ET"])(
    "print %j letter by letter",
    async (title) => {
      expect((await titled(title)).lines).toContain(title);
    },
  );

  it.each([
    ["Солярис", "Солярис"],
    ["Στέλλα", "Στέλλα"],
    ["Łódź ŠČ", "Łódź ŠČ"],
  ])("print %j where the system has a font for it", async (title, shown) => {
    const { lines } = await titled(title);
    if (existsSync("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")) expect(lines).toContain(shown);
    else expect(lines.some((line) => line.length > 0 && line.includes("?"))).toBe(true);
  });

  it.each([
    ["Metropolis 🎬🍿", "Metropolis"],
    ["千と千尋の神隠し", "????????"],
    ["", ""],
    ["A\r\nB\u0000C\u202Ed", "A B C d"],
    ["\ud800", "?"],
    ["x".repeat(1_000), /^x{70,149}$/],
    ["👩‍👩‍👧‍👦", ""],
  ])("come to terms with %j", async (title, shown) => {
    const { lines } = await titled(title);
    expect(lines.length).toBeGreaterThanOrEqual(shown === "" ? 19 : 20);
    if (shown !== "") expect(lines[2]).toMatch(shown);
  });

  it("set long titles smaller, on two lines", async () => {
    const title = "The Assassination of Jesse James by the Coward Robert Ford, Extended and Restored";
    const { lines } = await titled(title);
    expect(`${lines[2]}${lines[3]}`).toBe(title);
  });

  it.each([
    ["שלום עולם", "םלוע\u00a0םולש"],
    ["שלום עולם 2 films", "2 films םלוע\u00a0םולש"],
    ["films: שלום עולם", "films: םלוע\u00a0םולש"],
    ["films: שלום 2", "films:  םולש 2"],
  ])("set %j in the order in which it is read", async (title, drawn) => {
    const { lines } = await titled(title);
    if (existsSync("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")) expect(lines[2]).toBe(drawn);
  });
});

it("a code's picture can be read", () => {
  expect(readQrSvg(qrSvg(QR))).toBe(QR);
  expect(qrSvg(QR)).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
});
