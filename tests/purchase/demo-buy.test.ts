import { describe, expect, it } from "vitest";
import { ADMIN, boxOffice } from "../support/box-office.ts";
import { type Ending, usher } from "../support/usher-process.ts";

const office = boxOffice();
const SIGN_IN = { USHER_ADMIN_EMAIL: ADMIN.email, USHER_ADMIN_PASSWORD: ADMIN.password };

const demoBuy = (args: readonly string[], settings = {}, port = office.usher.httpPort): Promise<Ending> =>
  usher(["demo", "buy", "--http", `http://127.0.0.1:${port}`, ...args], settings);

describe("usher demo buy", () => {
  it("buys and goes in over REST, over GraphQL and at a kiosk, and tells each step and its time", async () => {
    const { code, stdout, stderr } = await demoBuy([], SIGN_IN);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("refused")]);
    for (const step of [
      ...[
        "admin signed in",
        "gate signed in",
        "Over REST",
        "registered as",
        "Over GraphQL",
        "processPayment: confirmed",
      ],
      ...["At a kiosk", "kiosk set up by the admin", "tickets .* issued", "PDF of", "let in at the gate"],
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

  it("takes one way where one is named, and the admin from its options", async () => {
    const showtime = office.anotherShowtime("ha_studio");
    const args = ["--kiosk", "--admin-email", ADMIN.email, "--admin-password", ADMIN.password, "--showtime", showtime];
    const { code, stdout } = await demoBuy(args);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/Over/);
    expect((await office.rest.seats(showtime)).statuses.match(/2/g)).toHaveLength(2);
  });

  it("says in a sentence what is missing or wrong", async () => {
    const nobody = await demoBuy([]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringMatching(/^The admin .*USHER_ADMIN_PASSWORD\.\n$/m)]);
    const wrong = await demoBuy([], { ...SIGN_IN, USHER_ADMIN_PASSWORD: "something else" });
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/^Usher refused \(UNAUTHORIZED\): .*\.\n$/m)]);
    const nowhere = await demoBuy([], SIGN_IN, 1);
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringMatching(/^No Usher answers at .*\.\n$/m)]);
    const nothing = await demoBuy(["--showtime", "st_nowhere"], SIGN_IN);
    expect([nothing.code, nothing.stderr]).toEqual([
      1,
      expect.stringMatching(/^There is no showtime st_nowhere: .*\n$/),
    ]);
  });
});
