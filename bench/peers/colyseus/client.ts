/**
 * Colyseus 0.16 over a raw WebSocket, as far as this room needs it: for a load generator, which cannot afford a client library for each
 * connection. A viewer reserves its place over HTTP (`reserve`), opens the WebSocket at the path that it is told, answers "joined" with
 * `JOINED`, and is sent the whole state, then patches. https://docs.colyseus.io/
 */
import { Packr } from "msgpackr";

/** Payload of the binary frame that answers "joined". */
export const JOINED = Uint8Array.of(10);

const JOIN_ROOM = 10;
const ROOM_DATA = 13;
const ROOM_STATE = 14;
const ROOM_STATE_PATCH = 15;

const packr = new Packr({ useRecords: false });

/** A place in the showtime's room; to be taken within 15 seconds. @returns the path of its WebSocket. */
export async function reserve(port: number, showtime: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/showtime`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ showtime }),
  });
  if (!response.ok) throw new Error(`Colyseus reserved no place: ${response.status} ${await response.text()}`);
  // What its own client expects of it too.
  const { room, sessionId } = (await response.json()) as {
    room: { processId: string; roomId: string };
    sessionId: string;
  };
  return `/${room.processId}/${room.roomId}?sessionId=${sessionId}`;
}

/** The payload of the binary frame for a hold or a release; there is no `watch`: who is in the room watches. */
export const payloadOf = (message: readonly [op: number, ...rest: unknown[]]): Uint8Array =>
  Buffer.concat([Uint8Array.of(ROOM_DATA, message[0]), packr.pack(message)]);

export type ColyseusKind = "joined" | "answer" | "state" | "patch" | "other";

/** What kind of payload this is, by its first byte. */
export function kindOf(bytes: Uint8Array, start: number): ColyseusKind {
  switch (bytes[start]) {
    case JOIN_ROOM:
      return "joined";
    case ROOM_DATA:
      return "answer";
    case ROOM_STATE:
      return "state";
    case ROOM_STATE_PATCH:
      return "patch";
    default:
      return "other";
  }
}

/** Where the MessagePack array of an "answer" begins, behind its kind and its type. */
export const answerAt = (start: number): number => start + 2;

export const answerOf = (payload: Buffer): readonly unknown[] =>
  packr.unpack(payload.subarray(answerAt(0))) as unknown[];

const SWITCH_TO_STRUCTURE = 0xff;
const ADD = 0x80;
const DELETE = 0x40;

/** Reads states and patches of the map of held seats, as @colyseus/schema 3 encodes it. To be given all that one connection gets. */
export class SeatReader {
  /** What a patch calls a seat. */
  readonly #seats = new Map<number, number>();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @returns [seat * 4 + status, ...] of what changed. */
  read(payload: Buffer): number[] {
    this.#bytes = payload;
    // Before it stands only where the map is to be found.
    this.#at = payload.indexOf(SWITCH_TO_STRUCTURE, 1);
    if (this.#at < 0) return [];
    this.#at++;
    this.#number(); // The map's number: there is no other structure.
    const changes: number[] = [];
    while (this.#at < payload.length) {
      const operation = this.#byte();
      const index = this.#number();
      if ((operation & ADD) !== 0) {
        const seat = this.#key();
        this.#seats.set(index, seat);
        changes.push(seat * 4 + this.#byte());
      } else if (operation === DELETE) {
        const seat = this.#seats.get(index);
        if (seat === undefined) continue; // Shown before this reader began.
        this.#seats.delete(index);
        changes.push(seat * 4);
      } else throw new Error(`unknown operation ${operation} of Colyseus in ${payload.toString("hex")}`);
    }
    return changes;
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  #number(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const width = first === 0xcc ? 1 : first === 0xcd ? 2 : 4;
    this.#at += width;
    return this.#bytes.readUIntLE(this.#at - width, width);
  }

  /** A short MessagePack string of digits. */
  #key(): number {
    const length = this.#byte() & 0x1f;
    this.#at += length;
    return Number(this.#bytes.toString("latin1", this.#at - length, this.#at));
  }
}
