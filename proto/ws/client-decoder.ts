/**
 * Decodes what clients send. Both encodings come to the same value and pass the same compiled schema, so that neither
 * lets through what the other refuses. Any bytes give an answer, and the work is bounded by `clientMessageBytes`.
 */
import { Type } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { closed } from "../closed.ts";
import { isRequestId, type RequestId } from "../ids.ts";
import { undecodable, type Decoded } from "./decoded.ts";
import { WS_LIMITS } from "./limits.ts";
import { CLIENT_SCHEMAS, type ClientMessage } from "./messages.ts";
import { MsgpackReader } from "./msgpack/reader.ts";
import { OP } from "./op.ts";

const holdBest = Compile(CLIENT_SCHEMAS.HoldBest);
const validators: ReadonlyMap<unknown, Validator> = new Map<unknown, Validator>([
  ["auth", Compile(CLIENT_SCHEMAS.Auth)],
  ["watch", Compile(CLIENT_SCHEMAS.Watch)],
  ["unwatch", Compile(CLIENT_SCHEMAS.Unwatch)],
  ["hold", Compile(CLIENT_SCHEMAS.HoldSeats)],
  ["extend", Compile(CLIENT_SCHEMAS.Extend)],
  ["release", Compile(CLIENT_SCHEMAS.Release)],
] satisfies [ClientMessage["op"], Validator][]);
/**
 * Validators of messages without the field that may be left out, and mostly is: where all fields are required, their number tells that there
 * is no other, which takes half the time of comparing names.
 */
const plainValidators: ReadonlyMap<unknown, Validator> = new Map<unknown, Validator>([
  ["hold", Compile(Type.Omit(CLIENT_SCHEMAS.HoldSeats, ["accessible"], closed))],
  ["release", Compile(Type.Omit(CLIENT_SCHEMAS.Release, ["seats"], closed))],
] satisfies [ClientMessage["op"], Validator][]);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TOO_LONG = `a message has at most ${WS_LIMITS.clientMessageBytes} bytes`;

export function decodeClientJson(input: string | Uint8Array): Decoded<ClientMessage> {
  if (input.length > WS_LIMITS.clientMessageBytes) return undecodable(TOO_LONG);
  let value: unknown;
  try {
    value = JSON.parse(typeof input === "string" ? input : utf8.decode(input));
  } catch {
    return undecodable("the message is not JSON in UTF-8");
  }
  return checked(value);
}

export function decodeClientMsgpack(bytes: Uint8Array): Decoded<ClientMessage> {
  if (bytes.length > WS_LIMITS.clientMessageBytes) return undecodable(TOO_LONG);
  const reader = new MsgpackReader(bytes);
  const value = readFields(reader);
  reader.end();
  return reader.failure === undefined ? checked(value) : undecodable(reader.failure, ridOf(value));
}

/** The JSON form of a frame, not checked yet; what comes after a failure is empty. */
function readFields(reader: MsgpackReader): unknown {
  const op = reader.begin();
  /** Fields that may be left out are the last ones; before another one they are nil. */
  const fields = (atLeast: number, atMost = atLeast): void => {
    if (reader.fields < atLeast || reader.fields > atMost) {
      reader.fail(
        "message",
        `an array of ${atLeast === atMost ? atLeast : `${atLeast} to ${atMost}`} fields`,
        undefined,
      );
    }
  };
  switch (op) {
    case OP.auth:
      fields(2);
      return { op: "auth", token: reader.string("token") };
    case OP.watch:
      fields(2, 4);
      return {
        op: "watch",
        showtime: reader.string("showtime"),
        ...(reader.has(2) && { epoch: reader.uint("epoch") }),
        ...(reader.has(3) && { seq: reader.uint("seq") }),
      };
    case OP.unwatch:
      fields(2);
      return { op: "unwatch", showtime: reader.string("showtime") };
    case OP.holdSeats:
      fields(4, 5);
      return {
        op: "hold",
        rid: reader.string("rid"),
        showtime: reader.string("showtime"),
        seats: reader.uints("seats"),
        ...(reader.has(4) && { accessible: reader.boolean("accessible") }),
      };
    case OP.holdBest: {
      fields(4, 7);
      const rid = reader.string("rid");
      const showtime = reader.string("showtime");
      const best = {
        count: reader.uint("count"),
        ...(reader.has(4) && { category: reader.string("category") }),
        ...(reader.has(5) && { split: reader.boolean("split") }),
      };
      return { op: "hold", rid, showtime, best, ...(reader.has(6) && { accessible: reader.boolean("accessible") }) };
    }
    case OP.extend:
      fields(3);
      return { op: "extend", rid: reader.string("rid"), holdId: reader.string("holdId") };
    case OP.release:
      fields(3, 4);
      return {
        op: "release",
        rid: reader.string("rid"),
        holdId: reader.string("holdId"),
        ...(reader.has(3) && { seats: reader.uints("seats") }),
      };
    default:
      return reader.fail("op", "the number of a client message", undefined);
  }
}

function checked(value: unknown): Decoded<ClientMessage> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return undecodable("a message is an object with an op");
  }
  const op = "op" in value ? value.op : undefined;
  const validator = op === "hold" && "best" in value ? holdBest : validators.get(op);
  if (validator === undefined)
    return undecodable(`op must be one of ${[...validators.keys()].join(", ")}`, ridOf(value));
  // The schema was chosen by the op, and ClientMessage is the union of those schemas.
  if (plainValidators.get(op)?.Check(value) || validator.Check(value))
    return { ok: true, message: value as ClientMessage };
  return undecodable(complaint(validator, value), ridOf(value));
}

/** The first thing wrong, such as "seats/3 must be <= 65535". */
function complaint(validator: Validator, value: object): string {
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(propertiesOf(validator), name));
  if (unknown !== undefined) return `there is no field ${JSON.stringify(unknown.slice(0, 40))} in this message`;
  const error = validator.Errors(value).find(({ message }) => message !== "schema is false");
  const where = error?.instancePath.slice(1).slice(0, 80);
  return `${where || "the message"} ${error?.message ?? "has the wrong form"}`;
}

/** Every client schema is one of an object. */
const propertiesOf = (validator: Validator): object => (validator.Type() as { properties?: object }).properties ?? {};

function ridOf(value: unknown): RequestId | undefined {
  if (typeof value !== "object" || value === null || !("rid" in value)) return undefined;
  const { rid } = value;
  // One that the schema would not take is too strange to be sent back.
  return typeof rid === "string" && isRequestId(rid) ? rid : undefined;
}
