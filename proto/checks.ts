/** What came over the bus, held against its type before anybody takes it for that. */
import { isPlainId } from "./ids.ts";
import { SEAT_MAX } from "./limits.ts";

export type Check = (value: unknown) => boolean;
export type Fields = Readonly<Record<string, Check>>;

const TEXT_MAX = 128;

export const isString: Check = (value) => typeof value === "string";
export const isId: Check = (value) => typeof value === "string" && isPlainId(value);
export const isText: Check = (value) => typeof value === "string" && value.length > 0 && value.length <= TEXT_MAX;
export const isNumber: Check = (value) => typeof value === "number";
export const isNumbers: Check = (value) => Array.isArray(value) && value.every(isNumber);
export const isFlag: Check = (value) => typeof value === "boolean";
export const isBytes: Check = (value) => value instanceof Uint8Array;
export const isObject: Check = (value) => typeof value === "object" && value !== null;
export const isSeatsUpTo =
  (max: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every(isNumber);
export const isSeats = isSeatsUpTo(SEAT_MAX + 1);
export const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);

/** An object with these fields, and a list of such. */
export function hasFields(fields: Fields): Check {
  const checks = Object.entries(fields);
  return (value) =>
    isObject(value) && checks.every(([field, check]) => check((value as Record<string, unknown>)[field]));
}
export function isListOf(fields: Fields): Check {
  const fits = hasFields(fields);
  return (value) => Array.isArray(value) && value.every(fits);
}

/** @throws TypeError where it is no object, of none of these types, or has not the fields of its type */
export function checkedByType(value: unknown, types: Partial<Record<string, Fields>>): unknown {
  const type = isObject(value) ? (value as Record<string, unknown>)["type"] : undefined;
  const fields = typeof type === "string" && Object.hasOwn(types, type) ? types[type] : undefined;
  if (fields === undefined) throw new TypeError("something of a type that may not come here");
  return checkedFields(value, fields, String(type));
}

/** @throws TypeError where it is no object, or has not these fields */
export function checkedFields(value: unknown, fields: Fields, what: string): unknown {
  if (!isObject(value)) throw new TypeError(`${what}: no object`);
  const found = value as Record<string, unknown>;
  for (const field in fields) {
    if (fields[field]?.(found[field]) === false) throw new TypeError(`${what}: ${field} cannot be right`);
    if (found[field] === null) delete found[field]; // MessagePack has no undefined.
  }
  return value;
}
