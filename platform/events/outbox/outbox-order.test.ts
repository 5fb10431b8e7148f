import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OutboxRig, outboxRig, SOON, textsOf } from "./testing.ts";

let rig: OutboxRig;
let published: OutboxRig["published"];
let streamThat: OutboxRig["streamThat"];
let newOutbox: OutboxRig["newOutbox"];
let add: OutboxRig["add"];

beforeEach(async () => {
  rig = await outboxRig();
  ({ published, streamThat, newOutbox, add } = rig);
});
afterEach(() => rig.close());

describe("two outboxes", () => {
  it("have the events of a subject published in the order in which they were written", async () => {
    const [shop, till] = [newOutbox(streamThat()), newOutbox(streamThat(), { name: "till", schema: "till" })];
    const texts = Array.from({ length: 8 }, (_, at) => `e${at}`);
    for (const [at, text] of texts.entries()) await add(at % 2 === 0 ? shop : till, text, "u");
    till.start();
    await add(till, "other", "v");
    await expect.poll(() => textsOf(published), SOON).toEqual(["other"]);
    shop.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["other", ...texts]);
  });

  it("keep it when one of them could not be published yet", async () => {
    const refusals = [new Error("no acknowledgement came")];
    const stream = streamThat(() => {
      const refusal = refusals.shift();
      return refusal === undefined ? Promise.resolve() : Promise.reject(refusal);
    });
    const [shop, till] = [newOutbox(stream), newOutbox(stream, { name: "till", schema: "till" })];
    shop.start();
    await add(shop, "created", "u");
    shop.nudge();
    await expect.poll(() => textsOf(published), SOON).toEqual(["created"]);
    await add(till, "paid", "u");
    till.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["created", "created", "paid"]);
  });

  it("leave what waits for its turn to whoever leads next", async () => {
    const [shop, till] = [newOutbox(streamThat()), newOutbox(streamThat(), { name: "till", schema: "till" })];
    await add(shop, "first", "u");
    await add(till, "second", "u");
    till.start();
    await add(till, "other", "v");
    await expect.poll(() => textsOf(published), SOON).toEqual(["other"]);
    await till.stop();
    expect(textsOf(published)).toEqual(["other"]);
    shop.start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["other", "first"]);
    newOutbox(streamThat(), { name: "till-2", schema: "till" }).start();
    await expect.poll(() => textsOf(published), SOON).toEqual(["other", "first", "second"]);
  });
});
