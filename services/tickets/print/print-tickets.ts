import PDFDocument from "pdfkit";
import type { BookingRecord, PlanSeat, SeatCard, ShowtimeCard } from "../../../proto/services/index.ts";
import { PRINTED_LENGTH_MAX } from "../limits.ts";
import { Fonts, type Weight } from "./fonts.ts";
import { hallPicture } from "./hall-picture.ts";
import { darkBars, qrModules } from "./qr-picture.ts";
import { type Texts, textsOf } from "./texts.ts";

export interface PrintedTicket {
  readonly id: string;
  readonly qr: string;
  readonly seat: SeatCard;
  readonly sale: BookingRecord["seats"][number];
}

export interface PrintJob {
  readonly bookingId: string;
  readonly showtime: ShowtimeCard;
  readonly plan: readonly PlanSeat[];
  /** `en` or `de`. */
  readonly language: string;
  readonly tickets: readonly PrintedTicket[];
}

/** A4 in points, 72 to the inch. */
const PAGE = { width: 595.28, height: 841.89, margin: 48 };
const INNER = PAGE.width - 2 * PAGE.margin;
const QR_SIZE = 200;
const QR_AT = { x: PAGE.width - PAGE.margin - QR_SIZE, y: 214 };
const LEFT_WIDTH = QR_AT.x - PAGE.margin - 24;
const PLAN = { x: PAGE.margin, y: 512, width: INNER, height: 236 };

const INK = "#111827";
const QUIET = "#6b7280";
const LINE = "#d1d5db";
const SEAT = "#c9ced6";
const MARK = "#be123c";

/** One page a ticket. It does with black ink, and with the margins of any printer. */
export async function printTickets(job: PrintJob): Promise<Uint8Array> {
  const texts = textsOf(job.language);
  const document = new PDFDocument({
    size: [PAGE.width, PAGE.height],
    margin: 0,
    autoFirstPage: false,
    lang: texts.locale,
    displayTitle: true,
    info: { Title: `${texts.ticket}: ${job.showtime.title}`, Author: job.showtime.cinemaName, Creator: "Usher" },
  });
  const chunks: Uint8Array[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    document.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    document.on("end", resolve);
    document.on("error", reject);
  });
  const fonts = new Fonts();
  for (const ticket of job.tickets) new Page(document, fonts, texts).draw(job, ticket);
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

interface Style {
  readonly size: number;
  readonly weight?: Weight;
  readonly colour?: string;
  readonly width?: number;
  readonly align?: "left" | "right" | "center";
}

class Page {
  readonly #document: PDFKit.PDFDocument;
  readonly #fonts: Fonts;
  readonly #texts: Texts;

  constructor(document: PDFKit.PDFDocument, fonts: Fonts, texts: Texts) {
    this.#document = document;
    this.#fonts = fonts;
    this.#texts = texts;
  }

  draw(job: PrintJob, ticket: PrintedTicket): void {
    this.#document.addPage();
    this.#head(job);
    this.#facts(job, ticket);
    this.#code(ticket);
    this.#plan(job, ticket);
    this.#foot(job, ticket);
  }

  #head({ showtime }: PrintJob): void {
    const { margin } = PAGE;
    this.#write(this.#texts.ticket, margin, 48, { size: 11, colour: QUIET });
    this.#write(showtime.cinemaName, margin, 48, { size: 11, colour: QUIET, align: "right" });
    this.#line(68);
    const size = showtime.title.length > 28 ? 22 : 30;
    this.#write(showtime.title, margin, 86, { size, weight: "bold" });
    this.#write(whenOf(showtime, this.#texts.locale), margin, 132, { size: 16, weight: "bold" });
    this.#write(showtime.cinemaAddress, margin, 158, { size: 11, colour: QUIET });
    this.#line(190);
  }

  #facts({ showtime }: PrintJob, { seat, sale }: PrintedTicket): void {
    const texts = this.#texts;
    const { margin } = PAGE;
    const half = LEFT_WIDTH / 2;
    this.#fact(texts.row, seat.row, margin, 214, { size: 34, width: half });
    this.#fact(texts.seat, String(seat.number), margin + half, 214, { size: 34, width: half });
    this.#fact(texts.hall, [showtime.hallName, seat.section].filter(Boolean).join(" · "), margin, 286, { size: 14 });
    const type = `${texts.types[sale.ticketType]} · ${seat.categoryName}`;
    this.#fact(texts.ticket, type, margin, 334, { size: 14 });
    this.#fact(texts.price, priceOf(sale.price, texts.locale), margin, 382, { size: 14 });
  }

  #code({ qr, seat }: PrintedTicket): void {
    const modules = qrModules(qr);
    const module = QR_SIZE / modules.length;
    const document = this.#document;
    document.save().translate(QR_AT.x, QR_AT.y).scale(module);
    for (const { x, y, length } of darkBars(modules)) document.rect(x, y, length, 1);
    document.fill("#000000").restore();
    this.#write(seat.label, QR_AT.x, QR_AT.y + QR_SIZE + 4, {
      size: 12,
      weight: "bold",
      width: QR_SIZE,
      align: "center",
    });
  }

  #plan({ plan }: PrintJob, { seat }: PrintedTicket): void {
    if (plan.length === 0) return;
    const document = this.#document;
    const middle = PAGE.width / 2;
    this.#write(this.#texts.screen, PAGE.margin, PLAN.y - 34, { size: 9, colour: QUIET, align: "center" });
    document
      .lineWidth(2)
      .moveTo(middle - 110, PLAN.y - 18)
      .lineTo(middle + 110, PLAN.y - 18)
      .stroke(QUIET);
    const { dots, mark, radius } = hallPicture(plan, seat.seat, PLAN);
    for (const { x, y } of dots) document.circle(x, y, radius);
    document.fill(SEAT);
    if (mark === undefined) return;
    document.circle(mark.x, mark.y, Math.max(radius * 1.3, 2)).fill(MARK);
    document
      .lineWidth(1.5)
      .circle(mark.x, mark.y, Math.max(radius * 2.6, 6))
      .stroke(MARK);
  }

  #foot({ bookingId }: PrintJob, { id }: PrintedTicket): void {
    this.#line(764);
    this.#write(this.#texts.hint, PAGE.margin, 772, { size: 9, colour: QUIET });
    this.#write(`${this.#texts.booking} ${bookingId}`, PAGE.margin, 788, { size: 9 });
    this.#write(id, PAGE.margin, 788, { size: 9, align: "right" });
  }

  #fact(name: string, value: string, x: number, y: number, style: Style): void {
    this.#write(name, x, y, { size: 9, colour: QUIET, width: LEFT_WIDTH });
    this.#write(value, x, y + 13, { weight: "bold", width: LEFT_WIDTH, ...style });
  }

  #line(y: number): void {
    this.#document
      .lineWidth(1)
      .moveTo(PAGE.margin, y)
      .lineTo(PAGE.width - PAGE.margin, y)
      .stroke(LINE);
  }

  /** One line; what does not fit is set smaller, and in the end cut off. */
  #write(line: string, x: number, y: number, style: Style): void {
    const { weight = "regular", colour = INK, width = INNER, align = "left" } = style;
    const short =
      [...line].length > PRINTED_LENGTH_MAX ? `${[...line].slice(0, PRINTED_LENGTH_MAX - 1).join("")}…` : line;
    const { font, text } = this.#fonts.fit(this.#document, short, weight);
    this.#document.font(font).fontSize(style.size);
    const natural = this.#document.widthOfString(text);
    const size = natural > width ? Math.max(6, (style.size * width) / natural) : style.size;
    this.#document
      .fontSize(size)
      .fillColor(colour)
      .text(text, x, y + (style.size - size), {
        width: width + 1,
        height: size * 1.4,
        align,
        lineBreak: true,
        ellipsis: true,
      });
  }
}

function whenOf({ startsAt, timeZone }: ShowtimeCard, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    ...{ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
    timeZone,
  });
  return format.format(new Date(startsAt));
}

function priceOf({ amount, currency }: { amount: number; currency: string }, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
