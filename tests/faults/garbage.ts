/** What an outsider with the rights of an edge may send, and what it may not. */
import { connect } from "@nats-io/transport-node";
import { Packr } from "msgpackr";
import * as auth from "../../platform/auth/index.ts";
import * as proto from "../../proto/index.ts";
import * as services from "../../proto/services/index.ts";
import { between } from "../simulation/random.ts";
import { SHARDS } from "./world.ts";

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, moreTypes: true });
/** What stands in a message once may be named by it any number of times. */
const cloning = new Packr({ structuredClone: true });
const bundling = new Packr({ bundleStrings: true });
const ROUNDS = 3;
const BYTES_MAX = 2_000;
/** In MessagePack, an array of one that holds an array of one, and so on. */
const ARRAY_OF_ONE = 0x91;
const NESTED = 200_000;

const subjectsIn = (exported: object): string[] =>
  Object.values(exported).flatMap((value: unknown) =>
    typeof value === "object" && value !== null && "name" in value && ("codec" in value || "question" in value)
      ? [String(value.name)]
      : [],
  );

/** All that are declared, but those that end in a shard or a showtime. */
export const SUBJECTS = [proto, services, auth].flatMap(subjectsIn);

const OTHERS = [
  ...SUBJECTS,
  ...proto.EVENT_NAMES,
  "_INBOX.edge.1",
  "_INBOX.engine.1",
  "_INBOX.services.1",
  "$JS.API.STREAM.DELETE.USHER_EVENTS",
];

/** Well-formed, and not what anybody should ask. None of it may change anything. */
function hostileBatches(showtime: string, holder: string): unknown[] {
  const asked = { showtime, holder, rid: "hostile" };
  const requests: unknown[] = [
    null,
    7,
    "hold",
    [],
    {},
    { type: "hold" },
    { type: "__proto__" },
    { type: "constructor", ...asked },
    ...[[-1], [1.5], [Number.NaN], [Infinity], [1e300], [2 ** 32], ["1"], [[1]], [null], [1, 1], []].map((seats) => ({
      type: "hold",
      ...asked,
      seats,
    })),
    ...[0, -1, 1.5, Number.NaN, Infinity, 1e15, "2"].map((count) => ({ type: "hold-best", ...asked, count })),
    { type: "hold", ...asked, seats: Array.from({ length: 65_536 }, (_, seat) => seat) },
    { type: "hold", ...asked, seats: Array.from({ length: 70_000 }, (_, seat) => seat) },
    { type: "hold-best", ...asked, count: 1, category: "__proto__" },
    { type: "hold", ...asked, showtime: "engine.>", seats: [1] },
    { type: "hold", ...asked, holder: "", seats: [1] },
    { type: "hold", ...asked, holder: { toString: 1 }, seats: [1] },
    { type: "hold", ...asked, rid: "r".repeat(10_000), seats: [1] },
    ...["extend", "release"].map((type) => ({ type, ...asked, hold: `${showtime}.1` })),
    ...["extend", "release"].map((type) => ({ type, ...asked, hold: `${showtime}.zzzzzzzzzzzzzzzz` })),
    { type: "get-hold", showtime, holder, hold: `${showtime}.-1` },
    { type: "view", showtime: "no-such-showtime" },
    // Not for edges to ask.
    { type: "close", ...asked },
    { type: "block", ...asked, seats: [1, 2, 3] },
    { type: "cancel", ...asked, booking: "bk_1" },
    { type: "confirm", ...asked, hold: `${showtime}.1`, booking: "bk_1", seats: [1], reacquire: true },
    { type: "pin", ...asked, hold: `${showtime}.1`, booking: "bk_1" },
    { type: "open", ...asked, plan: {}, rules: {} },
  ];
  return [
    ...requests.map((request) => ({ requests: [request] })),
    null,
    1,
    "x",
    [],
    {},
    { requests: null },
    { requests: {} },
    { requests: { length: 5 } },
    { requests: Array.from({ length: 20_000 }, () => ({ type: "view", showtime })) },
  ];
}

/**
 * Sends all of it to every subject that there is, with and without a way to answer.
 * @param target a showtime, the shard that its commands go to, and somebody who holds nothing
 */
export async function sendGarbage(
  url: string,
  target: { readonly showtime: string; readonly holder: string; readonly shard: number },
  random: () => number,
): Promise<void> {
  const parsed = new URL(url);
  const connection = await connect({
    servers: parsed.host,
    user: parsed.username,
    pass: parsed.password,
    name: "outsider",
    inboxPrefix: "_INBOX.edge",
  });
  const bytes = (): Uint8Array =>
    Uint8Array.from({ length: between(random, 0, BYTES_MAX) }, () => between(random, 0, 255));
  const commands = Array.from({ length: SHARDS }, (_, shard) => [
    `engine.cmd.${shard}`,
    `engine.sales.${shard}`,
  ]).flat();
  const delta = `showtime.${target.showtime}.delta`;
  const batches = hostileBatches(target.showtime, target.holder).map((batch): Uint8Array => packr.pack(batch));
  const seats = Array.from({ length: 65_536 }, (_, seat) => seat);
  const hold = { type: "hold", showtime: target.showtime, holder: target.holder, rid: "hostile", seats };
  batches.push(
    new Uint8Array(NESTED).fill(ARRAY_OF_ONE),
    cloning.pack({ requests: Array.from({ length: 16_384 }, () => hold) }),
    bundling.pack({ requests: [hold] }),
  );
  let sent = 0;
  const send = (subject: string, data: Uint8Array): void => {
    connection.publish(subject, data, { reply: `_INBOX.edge.garbage.${sent++}` });
  };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of [...commands, ...OTHERS, delta]) {
        connection.publish(subject);
        send(subject, bytes());
      }
      for (const batch of batches) {
        for (const subject of [`engine.cmd.${target.shard}`, `engine.sales.${target.shard}`, ...OTHERS, delta]) {
          send(subject, batch);
          send(subject, batch.subarray(0, between(random, 0, batch.length)));
        }
      }
      await connection.flush();
    }
  } finally {
    await connection.close();
  }
}
