/** What time does: holds that run out, and tokens that do. */
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { boxOffice } from "../support/box-office.ts";
import type { HoldView } from "../support/rest.ts";

const ENCODINGS = ["json", "msgpack"] as const;
const LOOK_EVERY_MS = 20;
const AGAIN_EVERY_MS = 250;
/** The server's clock counts whole milliseconds, and not quite as fast as this process's. */
const ROUNDING_MS = 50;

describe.concurrent("a hold of five seconds", () => {
  // These tests ask again and again.
  const office = boxOffice({ HOLD_TTL_SECONDS: "5", HOLD_MAX_SECONDS: "6", REQUESTS_PER_SECOND: "1000000" });

  it.each(ENCODINGS)(
    "runs out: its holder hears of it on every connection, and the seats are free for all (%s)",
    async (encoding) => {
      const showtime = office.anotherShowtime();
      const guest = await office.guest();
      const [holder, sibling] = [await office.enter(guest, encoding), await office.enter(guest, encoding)];
      const viewer = await office.connect(encoding);
      viewer.say({ op: "watch", showtime });
      await viewer.next("snapshot");
      holder.say({ op: "hold", rid: "r1", showtime, seats: [2] });
      const { holdId, expiresInMs } = await holder.next("held");
      expect(expiresInMs).toBeGreaterThan(0);
      expect(expiresInMs).toBeLessThanOrEqual(5_000);
      await viewer.until(() => viewer.shown(showtime)[2] === "1");
      for (const client of [holder, sibling]) expect(await client.next("expired")).toEqual({ op: "expired", holdId });
      await viewer.until(() => viewer.shown(showtime)[2] === "0");
      holder.say({ op: "extend", rid: "r2", holdId });
      expect(await holder.next("error")).toMatchObject({ rid: "r2", code: "HOLD_EXPIRED" });
      holder.say({ op: "release", rid: "r3", holdId });
      expect(await holder.next("error")).toMatchObject({ rid: "r3", code: "HOLD_EXPIRED" });
      const { status, body } = await office.rest.get(`holds/${holdId}`, { token: guest.token });
      expect([status, body["code"]]).toEqual([410, "HOLD_EXPIRED"]);
      const other = await office.enter(await office.guest(), encoding);
      other.say({ op: "hold", rid: "r1", showtime, seats: [2] });
      await other.next("held");
      expect(other.inbox.filter(({ op }) => op === "expired")).toEqual([]);
    },
  );

  it.each(ENCODINGS)("is extended, but not past its cap, and holding again winds nothing up (%s)", async (encoding) => {
    const showtime = office.anotherShowtime();
    const client = await office.enter(await office.guest(), encoding);
    const asked = performance.now();
    client.say({ op: "hold", rid: "r1", showtime, seats: [1] });
    let held = await client.next("held");
    // The cap of six seconds is counted from the first hold.
    for (let again = 1; held.expiresInMs > 3_500; again++) {
      await setTimeout(AGAIN_EVERY_MS);
      client.say({ op: "release", rid: `release ${again}`, holdId: held.holdId });
      await client.next("released");
      client.say({ op: "hold", rid: `hold ${again}`, showtime, seats: [1] });
      held = await client.next("held");
    }
    // It leaves no extension's five. A server that stood still gives that time back, so how many there are to the millisecond is proven where
    // the clock is a test's: engine/core/rules/time.test.ts.
    client.say({ op: "extend", rid: "r2", holdId: held.holdId });
    expect((await client.next("extended")).expiresInMs).toBeLessThan(5_000);
    await client.next("expired");
    expect(performance.now() - asked).toBeGreaterThan(6_000 - ROUNDING_MS);
  });

  it("over REST counts down, and ends with 410", async () => {
    const showtime = office.anotherShowtime();
    const { token } = await office.guest();
    const made = await office.rest.post<HoldView>(`showtimes/${showtime}/holds`, { token, body: { seats: [1] } });
    expect(made.status).toBe(201);
    let last = made.body.expiresInMs;
    for (;;) {
      const { status, body } = await office.rest.get<HoldView>(`holds/${made.body.holdId}`, { token });
      if (status === 410) break;
      expect(status).toBe(200);
      // Now and then it may go up: a server that stood still gives that time back.
      expect(body.expiresInMs).toBeLessThanOrEqual(made.body.expiresInMs);
      last = body.expiresInMs;
      await setTimeout(LOOK_EVERY_MS);
    }
    expect(last).toBeLessThan(made.body.expiresInMs);
    const extended = await office.rest.post(`holds/${made.body.holdId}/extend`, { token });
    expect([extended.status, extended.body["code"]]).toEqual([410, "HOLD_EXPIRED"]);
  });
});

describe.concurrent("a token of a few seconds", () => {
  const office = boxOffice({
    GUEST_TOKEN_TTL_SECONDS: "10",
    ACCESS_TOKEN_TTL_SECONDS: "10",
    // These tests ask again and again.
    COMMANDS_PER_SECOND: "1000000",
    REQUESTS_PER_SECOND: "1000000",
  });

  it.each(ENCODINGS)(
    "is asked for again in time; without a new one the connection stays, and may only watch (%s)",
    async (encoding) => {
      const showtime = office.anotherShowtime();
      const client = await office.enter(await office.guest(), encoding);
      const { inMs } = await client.next("reauth");
      expect(inMs).toBeLessThanOrEqual(10_000);
      client.say({ op: "hold", rid: "r0", showtime, seats: [0] });
      await client.next("held");
      let code: string | undefined;
      for (let count = 1; code !== "UNAUTHORIZED"; count++) {
        client.say({ op: "release", rid: `r${count}`, holdId: `${showtime}.zzz` });
        code = (await client.next("error", ({ rid }) => rid === `r${count}`)).code;
        await setTimeout(LOOK_EVERY_MS);
      }
      client.say({ op: "watch", showtime });
      expect((await client.next("snapshot")).statuses[0]).toBe(1);
    },
  );

  it.each(ENCODINGS)("may be replaced on the same socket, and the sign-in goes on (%s)", async (encoding) => {
    const showtime = office.anotherShowtime();
    const { body } = await office.rest.post<{ user: { id: string }; accessToken: string; refreshToken: string }>(
      "auth/register",
      { body: { email: `${encoding}@example.com`, password: "correct horse battery", name: "Ann" } },
    );
    const client = await office.enter({ userId: body.user.id, token: body.accessToken }, encoding);
    const watcher = await office.enter({ userId: body.user.id, token: body.accessToken }, encoding);
    const renewed = await office.rest.post<{ accessToken: string }>("auth/refresh", {
      body: { refreshToken: body.refreshToken },
    });
    client.say({ op: "auth", token: renewed.body.accessToken });
    expect(await client.next("authed")).toMatchObject({ userId: body.user.id, role: "customer" });
    client.say({ op: "hold", rid: "r1", showtime, seats: [0] });
    const { holdId } = await client.next("held");
    // The old token has ended once the other connection may only watch.
    let code: string | undefined;
    for (let count = 1; code !== "UNAUTHORIZED"; count++) {
      watcher.say({ op: "release", rid: `w${count}`, holdId: `${showtime}.zzz` });
      code = (await watcher.next("error", ({ rid }) => rid === `w${count}`)).code;
      await setTimeout(LOOK_EVERY_MS);
    }
    const again = await office.rest.post<{ accessToken: string }>("auth/login", {
      body: { email: `${encoding}@example.com`, password: "correct horse battery" },
    });
    watcher.say({ op: "auth", token: again.body.accessToken });
    await watcher.next("authed");
    watcher.say({ op: "release", rid: "r2", holdId });
    await watcher.next("released");
  });

  it.each(ENCODINGS)("that has ended is refused, over REST too (%s)", async (encoding) => {
    const { token } = await office.guest();
    const client = await office.connect(encoding);
    for (;;) {
      const { status, body } = await office.rest.get("auth/me", { token });
      if (status === 401) {
        expect(body["code"]).toBe("UNAUTHORIZED");
        break;
      }
      await setTimeout(LOOK_EVERY_MS);
    }
    client.say({ op: "auth", token });
    expect(await client.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
  });
});
