/** Opening, amending and closing a sale, and blocking its seats. */
import { type HallPlan, type Outcome, type SaleLimits, type SaleRules } from "../../../proto/index.ts";
import { already, decided, refuse, type Decision } from "../decision.ts";
import { CORE_LIMITS } from "../limits.ts";
import { assert } from "../state/assert.ts";
import type { ShowtimeState } from "../state/state.ts";
import type { CommandOf } from "./command.ts";
import { badSeats } from "./seat-list.ts";

const DONE: Outcome = { type: "done" };

/** For a showtime that is not open yet, under the operator's present limits. */
export function decideOpen(command: CommandOf<"open">, now: number, limits: SaleLimits): Decision {
  const { holdTtlMs, holdMaxMs, paymentTtlMs, maxSeatsPerHolder, maxExtensions } = limits;
  const counts = [holdTtlMs, holdMaxMs, paymentTtlMs, maxSeatsPerHolder, maxExtensions];
  assert(counts.every(isCount), "the operator's limits are whole numbers");
  const { holder, rid, plan, rules } = command;
  const wrong = wrongPlan(plan) ?? wrongRules(rules);
  if (wrong !== undefined) return refuse("BAD_MESSAGE", wrong);
  if (hasUnknown(rules)) return refuse("UNAVAILABLE", NEWER_RULES);
  return decided({ type: "opened", at: now, holder, rid, plan, rules, limits });
}

/** A catalogue that opens what is open already changes at most its rules: seats may be sold, so the plan stays. */
export function decideOpenAgain(state: ShowtimeState, command: CommandOf<"open">, now: number): Decision {
  if (!samePlan(state.plan, command.plan)) return refuse("CONFLICT", "The showtime is open with another plan.");
  return decideAmend(state, command, now);
}

export function decideAmend(state: ShowtimeState, command: CommandOf<"open" | "amend">, now: number): Decision {
  const { holder, rid, rules } = command;
  const wrong = wrongRules(rules);
  if (wrong !== undefined) return refuse("BAD_MESSAGE", wrong);
  if (hasUnknown(rules)) return refuse("UNAVAILABLE", NEWER_RULES);
  if (isOlder(rules, state.rules)) return already(DONE); // What came after it was carried out already.
  return sameRules(state.rules, rules) ? already(DONE) : decided({ type: "amended", at: now, holder, rid, rules });
}

/** Nothing is held, extended or pinned any more; what is being paid for may still be confirmed. */
export function decideClose(state: ShowtimeState, command: CommandOf<"close">, now: number): Decision {
  if (state.phase === "closed") return already(DONE);
  return decided({ type: "closed", at: now, holder: command.holder, rid: command.rid });
}

/** A held or booked seat stays so; it shows blocked once it is given back. Seats that are so already are passed over. */
export function decideBlock(state: ShowtimeState, command: CommandOf<"block" | "unblock">, now: number): Decision {
  const { holder, rid } = command;
  const bad = badSeats(state, command.seats);
  if (bad !== undefined) return bad;
  const before = command.type === "block" ? 0 : 1;
  const seats = command.seats.filter((seat) => state.blocked[seat] === before);
  if (seats.length === 0) return already(DONE);
  return decided({ type: command.type === "block" ? "blocked" : "unblocked", at: now, holder, rid, seats });
}

export const sameLimits = (a: SaleLimits, b: SaleLimits): boolean =>
  a.holdTtlMs === b.holdTtlMs &&
  a.holdMaxMs === b.holdMaxMs &&
  a.paymentTtlMs === b.paymentTtlMs &&
  a.maxSeatsPerHolder === b.maxSeatsPerHolder &&
  a.maxExtensions === b.maxExtensions;

/** Rules that do not say which version they are may always be newer. */
const isOlder = (a: SaleRules, b: SaleRules): boolean =>
  a.version !== undefined && b.version !== undefined && a.version < b.version;

function sameRules(a: SaleRules, b: SaleRules): boolean {
  const [released, other] = [a.accessibleRelease, b.accessibleRelease];
  const msOf = (release: typeof released) => (release.when === "before-end" ? release.ms : 0);
  return (
    a.salesStartAt === b.salesStartAt &&
    a.salesEndAt === b.salesEndAt &&
    a.showEndsAt === b.showEndsAt &&
    a.orphan === b.orphan &&
    a.version === b.version &&
    released.when === other.when &&
    msOf(released) === msOf(other)
  );
}

function samePlan(a: HallPlan, b: HallPlan): boolean {
  if (a === b) return true;
  const same = (some: ArrayLike<number>, others: ArrayLike<number>) =>
    some.length === others.length && Array.prototype.every.call(some, (value, at) => value === others[at]);
  return (
    same(a.row, b.row) &&
    same(a.x, b.x) &&
    same(a.y, b.y) &&
    same(a.category, b.category) &&
    same(a.flags, b.flags) &&
    a.categories.length === b.categories.length &&
    a.categories.every((category, at) => {
      const other = b.categories[at];
      return category.id === other?.id && category.focalX === other.focalX && category.focalY === other.focalY;
    })
  );
}

function wrongPlan(plan: HallPlan): string | undefined {
  const { row, x, y, category, flags, categories } = plan;
  const typed =
    row instanceof Uint16Array &&
    x instanceof Int16Array &&
    y instanceof Int16Array &&
    category instanceof Uint8Array &&
    flags instanceof Uint8Array;
  if (!typed) return "A column of the plan has the wrong type.";
  if (row.length === 0 || row.length > CORE_LIMITS.seatsMax) return `A plan has 1 to ${CORE_LIMITS.seatsMax} seats.`;
  if ([x, y, category, flags].some((column) => column.length !== row.length))
    return "The plan's columns differ in length.";
  if (categories.length === 0 || categories.length > CORE_LIMITS.categoriesMax) {
    return `A plan has 1 to ${CORE_LIMITS.categoriesMax} categories.`;
  }
  for (const { id, focalX, focalY } of categories) {
    if (id.length === 0 || id.length > CORE_LIMITS.categoryIdLengthMax)
      return "A category's id is too short or too long.";
    if (!Number.isFinite(focalX) || !Number.isFinite(focalY)) return "A focal point is not a point.";
  }
  if (new Set(categories.map(({ id }) => id)).size < categories.length) return "A category is named twice.";
  return category.some((of) => of >= categories.length) ? "A seat's category is not in the plan." : undefined;
}

/** The journal has no place for it: it would be lost, and whoever says it would hear that it is done. */
const hasUnknown = (rules: SaleRules): boolean => Object.keys(rules).some((name) => !Object.hasOwn(KNOWN, name));

const KNOWN: Record<keyof SaleRules, true> = {
  salesStartAt: true,
  salesEndAt: true,
  showEndsAt: true,
  orphan: true,
  accessibleRelease: true,
  version: true,
};
const NEWER_RULES = "The rules are of a later version than this engine: they are taken once it is upgraded.";

function wrongRules(rules: SaleRules): string | undefined {
  if (![rules.salesStartAt, rules.salesEndAt, rules.showEndsAt ?? 0].every(isCount))
    return "The sale's start and end, or the show's end, are not whole milliseconds.";
  if (!isCount(rules.version ?? 0)) return "The rules' version is not a whole number.";
  if (rules.accessibleRelease.when === "before-end" && !isCount(rules.accessibleRelease.ms)) {
    return "The release of accessible seats is not in whole milliseconds.";
  }
  return undefined;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
