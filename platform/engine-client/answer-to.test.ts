import { expect, it } from "vitest";
import { type Reply, showtimeId } from "../../proto/index.ts";
import { answerTo } from "./index.ts";

const ask = (reply: Reply) =>
  answerTo({ ask: () => Promise.resolve(reply) }, { type: "view", showtime: showtimeId("st-1") });

it("gives the answer or the refusal as it came", async () => {
  const view: Reply = { type: "view", epoch: 1, seq: 2, statuses: new Uint8Array(3), checksum: 4 };
  expect(await ask(view)).toBe(view);
  const refusal: Reply = { type: "refused", code: "BUSY", message: "The queue is full; nothing was done." };
  expect(await ask(refusal)).toBe(refusal);
});

it("gives a refusal whose code is of a newer engine as INTERNAL, with its words", async () => {
  const refusal = { type: "refused", code: "SEAT_SOAKED", message: "The seat is wet.", seats: [3] } as unknown as Reply;
  expect(await ask(refusal)).toEqual({ ...refusal, code: "INTERNAL" });
});

it("throws when another kind of request was answered", async () => {
  await expect(ask({ type: "done" })).rejects.toThrow("view was answered with done");
});
