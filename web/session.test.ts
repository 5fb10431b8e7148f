import { expect, test } from "vitest";
import { RestClient } from "../client/index.ts";
import { Session } from "./session.ts";

test("of two guests asked for at once the page keeps the one that the client signs in as: the second", async () => {
  const answers: ((token: string) => void)[] = [];
  const fetch = () =>
    new Promise<Response>((resolve) => answers.push((accessToken) => resolve(Response.json({ accessToken }))));
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const session = new Session(rest, { getItem: () => null, setItem: () => {} });
  const tokens = [session.token("connecting"), session.token("connecting")];
  answers[1]?.("second");
  expect(await tokens[1]).toBe("second");
  answers[0]?.("first");
  expect(await tokens[0]).toBe("first");
  expect(session.savedToken).toBe("second");
});
