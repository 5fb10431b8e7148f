import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { buy } from "../../bin/commands/demo-buy.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { ADMIN, boxOffice } from "../support/box-office.ts";
import { type Ending, usher } from "../support/usher-process.ts";

/** By the name that buyers know nobody is found here: what runs on one machine has to meet without it. */
const office = boxOffice({ PUBLIC_URL: "http://tickets.invalid" });
const SIGN_IN = { USHER_ADMIN_EMAIL: ADMIN.email, USHER_ADMIN_PASSWORD: ADMIN.password };

const admin = () => ({
  http: `http://127.0.0.1:${office.usher.httpPort}`,
  adminEmail: ADMIN.email,
  adminPassword: ADMIN.password,
});
const io = { print: () => undefined, clock: systemClock, pause };

const demoBuy = (args: readonly string[], settings = {}): Promise<Ending> =>
  usher(["demo", "buy", "--http", admin().http, ...args], settings);

describe("usher demo buy", () => {
  it("buys and goes in over REST, over GraphQL and at a kiosk, and tells each step and its time", async () => {
    const { code, stdout, stderr } = await demoBuy([], SIGN_IN);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("refused")]);
    for (const step of [
      "admin signed in",
      "gate signed in",
      "Over REST",
      "registered as",
      "Over GraphQL",
      "processPayment: confirmed",
      "At a kiosk",
      "kiosk set up by the admin",
      "tickets .* issued",
      "PDF of",
      "let in at the gate",
    ]) {
      expect(stdout).toMatch(new RegExp(step));
    }
    const lines = stdout.split("\n").filter((line) => line.startsWith(" "));
    for (const line of lines) expect(line).toMatch(/^ *\d+ ms {2}\S/);
    expect(stdout.match(/let in at the gate/g)).toHaveLength(3);
    expect(stdout).toMatch(/All done in \d+\.\d s\n$/);
    // What was set up for it is gone again.
    const { body } = await office.rest.post<{ accessToken: string }>("auth/login", { body: ADMIN });
    expect((await office.rest.get("devices", { token: body.accessToken })).body["items"]).toEqual([]);
  });

  it("takes one way where one is named", async () => {
    const showtime = office.anotherShowtime("ha_studio");
    const lines: string[] = [];
    await buy({ ...admin(), showtime, ways: ["kiosk"] }, { ...io, print: (line) => void lines.push(line) });
    expect(lines.join("\n")).not.toMatch(/Over/);
    expect((await office.rest.seats(showtime)).statuses.match(/2/g)).toHaveLength(2);
  });

  it("takes no password as an option, which everybody on the machine could read", async () => {
    const { code, stderr } = await demoBuy(["--admin-password", ADMIN.password], SIGN_IN);
    expect([code, stderr]).toEqual([1, expect.stringContaining("unknown option '--admin-password'")]);
  });

  it("says in a sentence what is missing or wrong", async () => {
    const { code, stderr } = await demoBuy([]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^The admin .*USHER_ADMIN_PASSWORD\.\n$/m)]);
    const fails = (wrong: object): Promise<unknown> =>
      buy({ ...admin(), ways: [], ...wrong }, io).catch((error: unknown) => error);
    for (const [wrong, sentence] of [
      [{ adminPassword: "something else" }, /^Usher refused \(UNAUTHORIZED\): .*\.$/],
      [{ http: "http://127.0.0.1:1" }, /^No Usher answers at .*\.$/],
      [{ http: "nowhere" }, /^--http must be a URL that begins with http:\/\/ or https:\/\/, but is nowhere\.$/],
      [{ showtime: "st_nowhere" }, /^There is no showtime st_nowhere: .*\.$/],
    ] as const) {
      const error = await fails(wrong);
      expect(error).toBeInstanceOf(ExplainedError);
      expect(String(error).replace("ExplainedError: ", "")).toMatch(sentence);
    }
  });
});
