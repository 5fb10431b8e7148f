/** What travels: the bytes of the frames that viewers are sent, payload and WebSocket header. Chance decides which seats, always the same. */
import { seatChange } from "../../proto/index.ts";
import type { ShowtimeId } from "../../proto/index.ts";
import { encodeServerJson, encodeServerMsgpack, type ServerMessage } from "../../proto/ws/index.ts";
import type { Measured, Scenario, SubjectPlan } from "../runner/scenario.ts";

const SHOWTIME = "st_premiere_arena_2000" as ShowtimeId; // As long as the demo's are.
const SEATS = 20_000;
const CHANGES = 50;
const EPOCH = 120_000_000;
const CHECKSUM = 4_161_486_947;

export const wire: Scenario = {
  name: "wire",
  about: "bytes of a delta of 50 seats and of a snapshot of 20,000",
  cases: () => [
    frames("delta of 50 seats", `${CHANGES} seats anywhere in a hall of ${SEATS}`, delta()),
    frames("snapshot of 20,000 seats", "half of them held", snapshot(SEATS)),
  ],
};

const frames = (name: string, load: string, message: ServerMessage) => ({
  name,
  load,
  unit: "frames",
  judgedBy: { figure: "bytes", unit: "bytes", better: "less" } as const,
  subjects: [
    msgpack(message),
    plan("json", "form", "The same in Usher's JSON", Buffer.byteLength(encodeServerJson(message))),
  ],
});

const msgpack = (message: ServerMessage): SubjectPlan =>
  plan("usher", "usher", "MessagePack", encodeServerMsgpack(message).length);

/** A snapshot of so many seats, half of them held, as viewers are sent it. */
export const snapshotFrames = (seats: number): SubjectPlan => msgpack(snapshot(seats));

function plan(name: string, kind: SubjectPlan["kind"], about: string, payload: number): SubjectPlan {
  const header = payload < 126 ? 2 : payload < 65_536 ? 4 : 10;
  const measured: Measured = {
    seconds: 1,
    cpu: undefined,
    sample: { count: 1, refused: 0, histograms: {}, slices: [], figures: { bytes: payload + header } },
  };
  const subject = { round: () => Promise.resolve(measured), stop: () => Promise.resolve() };
  return { name, kind, about, start: () => Promise.resolve(subject) };
}

function delta(): ServerMessage {
  const changes = [...someSeats()].sort((a, b) => a - b).map((seat) => seatChange(seat, 1));
  return {
    op: "delta",
    showtime: SHOWTIME,
    epoch: EPOCH,
    from: 1_000_000,
    seq: 1_000_050,
    changes,
    checksum: CHECKSUM,
  };
}

function snapshot(seats: number): ServerMessage {
  const statuses = Uint8Array.from({ length: seats }, (_, seat) => seat & 1);
  return { op: "snapshot", showtime: SHOWTIME, epoch: EPOCH, seq: 1_000_000, statuses, checksum: CHECKSUM };
}

/** Numerical Recipes' generator: the same seats in every run. */
function someSeats(): Set<number> {
  const seats = new Set<number>();
  for (let state = 7; seats.size < CHANGES;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    seats.add(state % SEATS);
  }
  return seats;
}
