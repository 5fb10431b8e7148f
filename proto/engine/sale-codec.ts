/** What the rare events carry: a hall's plan, a sale's rules, the operator's limits. */
import type { ByteReader, ByteWriter } from "../codec/index.ts";
import type { AccessibleRelease, HallPlan, OrphanRule, PlanCategory, SaleLimits, SaleRules } from "./commands.ts";

const ORPHAN_RULES: readonly OrphanRule[] = ["none", "lenient", "strict"];
/** The rules that may be left out. */
type LeftOut = { [Rule in keyof SaleRules]-?: undefined extends SaleRules[Rule] ? Rule : never }[keyof SaleRules];
/** Beside the orphan rule: which of those follow, in this order. One that is forgotten here would be lost with every restart. */
const FOLLOWS = { showEndsAt: 0x80, version: 0x40 } as const satisfies Record<LeftOut, number>;
const RELEASES: readonly AccessibleRelease["when"][] = ["always", "never", "before-end"];
/** A seat's five fields take at least a byte each. */
const SEAT_BYTES_MIN = 5;

export function writePlan(out: ByteWriter, plan: HallPlan): void {
  out.uint(plan.categories.length);
  for (const category of plan.categories) {
    out.string(category.id);
    out.float(category.focalX);
    out.float(category.focalY);
  }
  out.uint(plan.row.length);
  writeColumn(out, plan.row);
  writeColumn(out, plan.x);
  writeColumn(out, plan.y);
  writeColumn(out, plan.category);
  writeColumn(out, plan.flags);
}

/** @throws CorruptBytes */
export function readPlan(bytes: ByteReader): HallPlan {
  const categories: PlanCategory[] = [];
  for (let left = bytes.count(17); left > 0; left--) {
    categories.push({ id: bytes.string(), focalX: bytes.float(), focalY: bytes.float() });
  }
  const seats = bytes.count(SEAT_BYTES_MIN);
  return {
    row: readColumn(bytes, new Uint16Array(seats)),
    x: readColumn(bytes, new Int16Array(seats)),
    y: readColumn(bytes, new Int16Array(seats)),
    category: readColumn(bytes, new Uint8Array(seats)),
    flags: readColumn(bytes, new Uint8Array(seats)),
    categories,
  };
}

export function writeRules(out: ByteWriter, rules: SaleRules): void {
  out.uint(rules.salesStartAt);
  out.uint(rules.salesEndAt);
  const { orphan, showEndsAt, version } = rules;
  const more = (showEndsAt === undefined ? 0 : FOLLOWS.showEndsAt) | (version === undefined ? 0 : FOLLOWS.version);
  out.byte(ORPHAN_RULES.indexOf(orphan) | more);
  if (showEndsAt !== undefined) out.uint(showEndsAt);
  if (version !== undefined) out.uint(version);
  out.byte(RELEASES.indexOf(rules.accessibleRelease.when));
  if (rules.accessibleRelease.when === "before-end") out.uint(rules.accessibleRelease.ms);
}

/** @throws CorruptBytes */
export function readRules(bytes: ByteReader): SaleRules {
  const salesStartAt = bytes.uint();
  const salesEndAt = bytes.uint();
  const rule = bytes.byte();
  const orphan = ORPHAN_RULES[rule & ~(FOLLOWS.showEndsAt | FOLLOWS.version)];
  const showEndsAt = (rule & FOLLOWS.showEndsAt) === 0 ? {} : { showEndsAt: bytes.uint() };
  const version = (rule & FOLLOWS.version) === 0 ? {} : { version: bytes.uint() };
  const when = RELEASES[bytes.byte()];
  if (orphan === undefined || when === undefined) throw bytes.corrupt("there is no such rule");
  const accessibleRelease = when === "before-end" ? { when, ms: bytes.uint() } : { when };
  return { salesStartAt, salesEndAt, ...showEndsAt, orphan, accessibleRelease, ...version };
}

export function writeLimits(out: ByteWriter, limits: SaleLimits): void {
  out.uint(limits.holdTtlMs);
  out.uint(limits.holdMaxMs);
  out.uint(limits.paymentTtlMs);
  out.uint(limits.maxSeatsPerHolder);
  out.uint(limits.maxExtensions);
}

/** @throws CorruptBytes */
export const readLimits = (bytes: ByteReader): SaleLimits => ({
  holdTtlMs: bytes.uint(),
  holdMaxMs: bytes.uint(),
  paymentTtlMs: bytes.uint(),
  maxSeatsPerHolder: bytes.uint(),
  maxExtensions: bytes.uint(),
});

type Column = Uint8Array | Uint16Array | Int16Array;

/** Neighbouring seats differ little, so each value is written as its distance from the one before. */
function writeColumn(out: ByteWriter, column: Column): void {
  let before = 0;
  for (const value of column) {
    out.int(value - before);
    before = value;
  }
}

function readColumn<T extends Column>(bytes: ByteReader, column: T): T {
  let value = 0;
  for (let seat = 0; seat < column.length; seat++) {
    value += bytes.int();
    column[seat] = value;
    if (column[seat] !== value) throw bytes.corrupt("a value does not fit its column");
  }
  return column;
}
