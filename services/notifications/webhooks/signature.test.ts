/** The signature of webhooks, as integrators are shown it. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { signedHeaders } from "./signature.ts";

it("is that of the event that docs/reference/events.md shows", () => {
  const page = readFileSync(new URL("../../../docs/reference/events.md", import.meta.url), "utf8");
  const [, secret = ""] = /the secret `(whsec_.+)`/.exec(page) ?? [];
  const [, head = "", body = ""] = /^```http\n([^]+?)\n\n(.+)\n```$/m.exec(page) ?? [];
  const shown: Record<string, string> = Object.fromEntries(
    head
      .split("\n")
      .slice(1)
      .map((line) => line.split(": ")),
  );
  const { id } = JSON.parse(body) as { id: string };
  const at = new Date(Number(shown["webhook-timestamp"]) * 1_000);
  expect(shown).toEqual({
    "content-type": "application/cloudevents+json; charset=utf-8",
    "user-agent": "Usher-Webhooks/1",
    ...signedHeaders({ id, body, at, secrets: [secret] }),
  });
});
