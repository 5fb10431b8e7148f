import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { AddressGuard } from "./address-guard.ts";

describe("the look-up of a name", () => {
  it("is shared while it lasts, and its failure stands for as long as it took", async () => {
    const clock = new VirtualClock();
    const failures: (() => void)[] = [];
    const guard = new AddressGuard({
      allowPrivate: false,
      clock,
      resolve: () => new Promise((_resolve, reject) => failures.push(() => reject(new Error("no answer")))),
    });
    const ask = () => guard.addressesOf(new URL("https://slow.example/")).catch((error: Error) => error.message);
    const asked = [ask(), ask()];
    await clock.advance(20_000);
    failures[0]!();
    expect(await Promise.all(asked)).toEqual(["no answer", "no answer"]);
    await clock.advance(19_999);
    expect(await ask()).toBe("no answer");
    expect(failures).toHaveLength(1);
    await clock.advance(1);
    void ask();
    expect(failures).toHaveLength(2);
  });
});
