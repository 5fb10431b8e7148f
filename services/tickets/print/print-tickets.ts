import { formatMoney, formatWhen, shortened } from "../../../proto/index.ts";
import type { BookingRecord, PlanSeat, SeatCard, ShowtimeCard } from "../../../proto/services/index.ts";
import { PLAN_DOTS_IN_ALL_MAX, PLAN_DOTS_MAX, PRINTED_LENGTH_MAX } from "../limits.ts";
import { Fonts, type Weight } from "./fonts.ts";
import { hallPicture } from "./hall-picture.ts";
import { darkBars, qrModules } from "./qr-picture.ts";
import { type Texts, textsOf } from "./texts.ts";

interface PrintedTicket {
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

/** The smallest type, in points. */
const SIZE_MIN = 6;

const INK = "#111827";
const QUIET = "#6b7280";
const LINE = "#d1d5db";
const SEAT = "#c9ced6";
const MARK = "#be123c";

/** One page a ticket. It does with black ink, and with the margins of any printer. */
export async function printTickets(job: PrintJob): Promise<Uint8Array> {
  const texts = textsOf(job.language);
  const { default: PDFDocument } = await import("pdfkit"); // With the first page: a start need not wait for it.
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
  /** At most; one when left out. */
  readonly lines?: number;
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
    const title = showtime.title.length > 30 ? { size: 18, lines: 2 } : { size: 30 };
    this.#write(showtime.title, margin, 86, { ...title, weight: "bold" });
    this.#write(formatWhen(showtime.startsAt, showtime.timeZone, this.#texts.locale), margin, 132, {
      size: 16,
      weight: "bold",
    });
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
    this.#fact(texts.price, formatMoney(sale.price, texts.locale), margin, 382, { size: 14 });
  }

  #code({ qr, seat }: PrintedTicket): void {
    const modules = qrModules(qr);
    const bars = darkBars(modules).map(({ x, y, length }) => `${x} ${y} ${length} 1 re`);
    const document = this.#document;
    document
      .save()
      .translate(QR_AT.x, QR_AT.y)
      .scale(QR_SIZE / modules.length);
    document.fillColor("#000000").addContent(`${bars.join("\n")}\nf`);
    document.restore();
    this.#write(seat.label, QR_AT.x, QR_AT.y + QR_SIZE + 4, {
      size: 12,
      weight: "bold",
      width: QR_SIZE,
      align: "center",
    });
  }

  #plan({ plan, tickets }: PrintJob, { seat }: PrintedTicket): void {
    if (plan.length === 0) return;
    const document = this.#document;
    const middle = PAGE.width / 2;
    this.#write(this.#texts.screen, PAGE.margin, PLAN.y - 34, { size: 9, colour: QUIET, align: "center" });
    document
      .lineWidth(2)
      .moveTo(middle - 110, PLAN.y - 18)
      .lineTo(middle + 110, PLAN.y - 18)
      .stroke(QUIET);
    const dotsMax = Math.min(PLAN_DOTS_MAX, Math.ceil(PLAN_DOTS_IN_ALL_MAX / tickets.length));
    const { dots, mark, radius } = hallPicture(plan, seat.seat, PLAN, dotsMax);
    // A dot is a line of no length with round ends: written as they are, thousands cost next to nothing.
    const places = dots.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
    document
      .save()
      .lineCap("round")
      .lineWidth(2 * radius)
      .strokeColor(SEAT);
    document.addContent(`${places.map((place) => `${place} m ${place} l`).join("\n")}\nS`).restore();
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

  /** What does not fit is set smaller, and in the end cut off. */
  #write(words: string, x: number, y: number, style: Style): void {
    const { weight = "regular", colour = INK, width = INNER, align = "left", lines = 1 } = style;
    const short = shortened(words, PRINTED_LENGTH_MAX);
    const { font, text, rightToLeft } = this.#fonts.fit(this.#document, short, weight);
    const room = lines > 1 && !rightToLeft ? width * (lines - 0.3) : width; // A word that is carried over leaves a gap.
    const natural = this.#document.font(font).fontSize(style.size).widthOfString(text);
    const size = natural > room ? Math.max(SIZE_MIN, (style.size * room) / natural) : style.size;
    this.#document
      .fontSize(size)
      .fillColor(colour)
      .text(text, x, y + (style.size - size), { width: width + 1, height: size * 1.3 * lines, align, ellipsis: true });
  }
}
