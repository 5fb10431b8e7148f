import { afterAll, beforeAll, expect, it } from "vitest";
import { clientOf, testCatalog, type TestCatalog } from "../testing.ts";
import type { TestServer } from "../../../platform/http/testing.ts";

let catalog: TestCatalog;
let server: TestServer;
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
  server = await catalog.server();
  client = clientOf(server);
});
afterAll(() => catalog.close());

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly requestBody?: { readonly content: Record<string, { readonly example?: unknown }> };
  readonly responses: Record<string, unknown>;
}

it("the documented example of every call that has a body does what it says", async () => {
  const { paths } = server.app.swagger() as unknown as { paths: Record<string, Record<string, Operation>> };
  const ids = { movies: "mv_metropolis", cinemas: "ci_astoria", halls: "ha_studio", showtimes: "st_premiere" };
  for (const [kind, id] of Object.entries(ids)) {
    for (const [method, path, status] of [
      ["post", `/${kind}`, 201],
      ["put", `/${kind}/{id}`, 200],
    ] as const) {
      const operation = paths[`/api/v1${path}`]?.[method];
      expect(operation, path).toMatchObject({ operationId: expect.any(String), summary: expect.any(String) });
      expect(operation?.responses).toHaveProperty(String(status));
      const example = operation?.requestBody?.content["application/json"]?.example;
      const asked = { method: method === "post" ? "POST" : "PUT", body: example } as const;
      const answer = await client.ask(path.replace("{id}", id), asked);
      expect([path, answer.statusCode, answer.statusCode === status ? "" : answer.body]).toEqual([path, status, ""]);
    }
  }
});
