import { hash } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import type { CheckedIn, ProblemMembers } from "../../proto/rest/index.ts";
import { Problem } from "../../platform/http/index.ts";
import type { TicketKeyRing } from "./code/key-ring.ts";
import { readTicketCode, type TicketCode } from "./code/ticket-code.ts";
import type { TicketTables } from "./tables.ts";

type TicketRow = Selectable<TicketTables["ticket"]>;

const badTicket = (
  reason: NonNullable<ProblemMembers["reason"]>,
  detail: string,
  extra: ProblemMembers = {},
): Problem => new Problem("BAD_TICKET", detail, { reason, ...extra });

/** Lets people in, each ticket once. Everything it needs is in its own database, so doors stay open while other services are away. */
export class Gate {
  readonly #db: Kysely<TicketTables>;
  readonly #keys: TicketKeyRing;
  readonly #clock: Clock;

  constructor({ db, keys, clock }: { db: Kysely<TicketTables>; keys: TicketKeyRing; clock: Clock }) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * One statement decides, so that of any number of gates that read a code at once exactly one lets in.
   * @param showtimeId what the gate lets in to, when it says
   * @param asked who asks, and the key by which it may ask again: whoever was let in under it, and never heard of it, is let in still
   * @throws Problem ALREADY_USED, BAD_TICKET
   */
  async checkIn(qr: string, showtimeId?: string, asked?: { userId: string; key: string }): Promise<CheckedIn> {
    const code = readTicketCode(qr, this.#keys);
    if (code === undefined) throw badTicket("forged", "This is not a ticket of ours.");
    if (showtimeId !== undefined && showtimeId !== code.showtimeId)
      throw badTicket("other-showtime", "The ticket is for another showtime.", { showtimeId: code.showtimeId });
    const now = new Date(this.#clock.now());
    const request = asked === undefined ? null : hashOf(asked.userId, asked.key);
    const row = await this.#db
      .updateTable("ticket")
      .set({ checked_in_at: now, checked_in_request: request })
      .where("id", "=", code.ticketId)
      .where("generation", "=", code.generation)
      .where("voided_at", "is", null)
      .where("checked_in_at", "is", null)
      .where("withdrawn_at", "is", null)
      .where("valid_from", "<=", now)
      .where("valid_until", ">", now)
      .returningAll()
      .executeTakeFirst();
    if (row !== undefined) return letIn(row, now);
    const known = await this.#db.selectFrom("ticket").selectAll().where("id", "=", code.ticketId).executeTakeFirst();
    if (request !== null && known?.checked_in_at && known.checked_in_request?.equals(request))
      return letIn(known, known.checked_in_at);
    throw whyNot(known, code, now);
  }
}

const letIn = (row: TicketRow, at: Date): CheckedIn => ({
  ticketId: row.id,
  bookingId: row.booking_id,
  showtimeId: row.showtime_id,
  seat: row.seat,
  label: row.label,
  checkedInAt: at.toISOString(),
});

const hashOf = (userId: string, key: string): Buffer => hash("sha256", `${userId}\n${key}`, "buffer");

function whyNot(row: TicketRow | undefined, { generation }: TicketCode, now: Date): Problem {
  if (row === undefined) return badTicket("void", "The ticket is signed, but not known here.");
  if (row.voided_at !== null) return badTicket("void", "The ticket is void: its seat was cancelled.");
  if (row.generation !== generation)
    return badTicket("replaced", "The ticket was issued again: only the newest code is good.");
  if (row.checked_in_at !== null) {
    const checkedInAt = row.checked_in_at.toISOString();
    return new Problem("ALREADY_USED", `The ticket was let in before, at ${checkedInAt}.`, {
      checkedInAt,
      seat: row.seat,
      label: row.label,
    });
  }
  if (row.withdrawn_at !== null)
    return badTicket("withdrawn", "The ticket lets nobody in: its seat is being cancelled.");
  if (row.valid_from > now) {
    const validFrom = row.valid_from.toISOString();
    return badTicket("too-early", `The ticket is not good yet: from ${validFrom}.`, { validFrom });
  }
  const validUntil = row.valid_until.toISOString();
  return badTicket("too-late", `The ticket was good until ${validUntil}.`, { validUntil });
}
