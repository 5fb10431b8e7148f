/** The OpenAPI document: valid, complete, and true: every example in it is sent, and every answer held against its schema. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { default as addFormats } from "ajv-formats";
import { beforeAll, describe, expect, it } from "vitest";
import { boxOffice, type Person } from "../support/box-office.ts";
import type { Answer } from "../support/rest.ts";
import { renderRestReference } from "./rest-reference.ts";
import { Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly example?: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content?: Readonly<Record<string, Media>>;
        readonly headers?: Readonly<Record<string, object>>;
      }
    >
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes: object };
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
}

const GRAPHQL_TYPES = ["application/json", "application/graphql-response+json"];
/** As its own type, what was executed has status 200. */
const GRAPHQL_REFUSALS: Readonly<Record<string, readonly string[]>> = {
  400: GRAPHQL_TYPES,
  500: GRAPHQL_TYPES,
  ...Object.fromEntries([401, 403, 404, 503].map((status) => [status, ["application/json"]])),
};
const JSON_TYPES = [...GRAPHQL_TYPES, "application/problem+json"];

/** The calls of the contract, as the document writes them. */
const CONTRACT = `
  POST /auth/register, POST /auth/login, POST /auth/refresh, POST /auth/logout, POST /auth/guest, POST /devices, POST /auth/device,
  GET /auth/me, GET /users/{id}, GET /movies, GET /movies/{id}, GET /movies/{id}/showtimes, GET /cinemas, GET /cinemas/{id},
  GET /showtimes, GET /showtimes/{id}, GET /showtimes/{id}/layout, GET /showtimes/{id}/seats,
  POST /movies, PUT /movies/{id}, DELETE /movies/{id}, POST /cinemas, PUT /cinemas/{id}, DELETE /cinemas/{id},
  POST /halls, PUT /halls/{id}, DELETE /halls/{id}, POST /showtimes, PUT /showtimes/{id}, DELETE /showtimes/{id},
  POST /showtimes/{id}/holds, GET /holds/{id}, POST /holds/{id}/extend, DELETE /holds/{id},
  POST /bookings, POST /bookings/{id}/payments, GET /bookings, GET /bookings/{id}, POST /bookings/{id}/cancel,
  GET /bookings/{id}/tickets, GET /tickets/{id}.pdf, GET /tickets/{id}.svg, POST /tickets/check-in,
  POST /payments/webhooks/mock, POST /payments/webhooks/stripe`
  .split(",")
  .map((call) => call.trim().replace(" ", " /api/v1"));

let document: Document;
let validator: Ajv2020;
let operations: { method: string; path: string; operation: Operation }[];

beforeAll(async () => {
  document = (await office.rest.get<Document>("/openapi.json")).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  validator = new Ajv2020({ strict: false, allErrors: true });
  // The cast: the package says that its default export is a namespace.
  (addFormats as unknown as (ajv: Ajv2020) => void)(validator);
  validator.addSchema({ $id: "document", components: document.components });
});

const validators = new Map<string, ReturnType<Ajv2020["compile"]>>();

/** References are into the document. */
function compiled(schema: object): ReturnType<Ajv2020["compile"]> {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components');
  const known = validators.get(text) ?? validator.compile(JSON.parse(text) as object);
  validators.set(text, known);
  return known;
}

const bodyOf = ({ requestBody }: Operation): Media | undefined => requestBody?.content["application/json"];
/** GraphQL has refusals of its own, but for what is refused before it. */
const refusedAs = (path: string, status: string): string[] => [
  ...(path === "/graphql" ? (GRAPHQL_REFUSALS[status] ?? []) : []),
  "application/problem+json",
];
const examplesOf = ({ example, examples = {} }: Media): unknown[] => [
  ...(example === undefined ? [] : [example]),
  ...Object.values(examples).map(({ value }) => value),
];

describe("the document", () => {
  it("makes the page of all calls; after a change of a route: npx vitest run tests/contract/openapi.test.ts -u", async () => {
    await expect(renderRestReference(document)).toMatchFileSnapshot("../../docs/reference/rest.md");
  });

  it("is OpenAPI 3.1, and its parts fit together", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: "Usher", version: expect.any(String) });
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids).toEqual([...new Set(ids)]);
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const { path, operation } of operations) {
      expect(operation).toMatchObject({ operationId: expect.any(String), summary: expect.any(String) });
      expect(operation.description ?? "").not.toMatch(/Roles: [^]*Roles: /); // Once, also where a HEAD shares the schema.
      for (const tag of operation.tags) expect([path, tags.has(tag)]).toEqual([path, true]);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const given = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect([path, given.map(({ name }) => name).toSorted(byText)]).toEqual([path, named.toSorted(byText)]);
      for (const parameter of given) expect(parameter.required).toBe(true);
      for (const requirement of operation.security ?? []) {
        for (const scheme of Object.keys(requirement))
          expect(document.components.securitySchemes).toHaveProperty(scheme);
      }
    }
  });

  it("has schemas that compile, refusals as problems, and an answer of success for each call", () => {
    for (const { method, path, operation } of operations) {
      const where = `${method} ${path}`;
      const media = [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
        Object.values(part?.content ?? {}),
      );
      expect(JSON.stringify(operation), "patterns are for readers that know no u flag").not.toMatch(/\\\\p\{/i);
      for (const { schema } of media) if (schema !== undefined) expect(() => compiled(schema), where).not.toThrow();
      const statuses = Object.keys(operation.responses);
      expect([where, statuses.some((status) => status.startsWith("2"))]).toEqual([where, true]);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (Number(status) >= 400)
          expect([where, Object.keys(content ?? {})]).toEqual([where, refusedAs(path, status)]);
      }
    }
  });

  it("has every call of the contract", () => {
    const calls = operations.map(({ method, path }) => `${method} ${path}`);
    expect(calls).toEqual(expect.arrayContaining(CONTRACT));
    const atRoot = ["GET /health/live", "GET /health/ready", "GET /.well-known/jwks.json", "GET /metrics"];
    expect(calls).toEqual(expect.arrayContaining(atRoot));
  });

  it("has an example of every body", () => {
    const lacking = operations.filter(({ path, operation }) => {
      const body = bodyOf(operation);
      // What gateways send is signed: an example would not be.
      return body !== undefined && examplesOf(body).length === 0 && !path.startsWith("/api/v1/payments/webhooks/");
    });
    expect(lacking.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it("is readable at /docs", async () => {
    const page = await office.rest.get<string>("/docs/");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/html/)]);
  });
});

/** Things there are, for the ids in paths. */
interface World {
  readonly admin: Person;
  readonly customer: Person;
  readonly gate: Person;
  readonly ids: Readonly<Record<string, string>>;
}

const world = async (): Promise<World> => {
  const [admin, customer, gate] = [await purchases.admin(), await purchases.customer(), await purchases.person("gate")];
  const showtime = office.anotherShowtime("ha_studio");
  const booking = await purchases.buy(admin, showtime, [1]);
  const [ticket] = await purchases.tickets(admin, booking.id, 1);
  const { holdId } = await purchases.hold(admin, showtime, [2]);
  const device = await office.rest.post("devices", { token: admin.token, body: {} });
  const webhook = await office.rest.post("webhooks", {
    token: admin.token,
    body: { url: "http://127.0.0.1:9/hook", types: ["booking.confirmed"] },
  });
  expect([device.status, webhook.status]).toEqual([201, 201]);
  const ids = {
    movies: "mv_metropolis",
    cinemas: "ci_astoria",
    halls: "ha_studio",
    showtimes: showtime,
    holds: holdId,
    bookings: booking.id,
    tickets: ticket?.id ?? "",
    users: customer.userId,
    devices: String(device.body["deviceId"]),
    webhooks: String(webhook.body["id"]),
  };
  return { admin, customer, gate, ids };
};

/** Of every answer, or of every page: no client of the API goes by them. */
const COMMON_HEADERS = new Set(
  `cache-control connection content-encoding content-length content-security-policy content-type cross-origin-opener-policy
  cross-origin-resource-policy date keep-alive origin-agent-cluster referrer-policy transfer-encoding vary x-content-type-options
  x-dns-prefetch-control x-download-options x-frame-options x-permitted-cross-domain-policies x-request-id x-xss-protection`.split(
    /\s+/,
  ),
);
const problemMembers = (): string[] => {
  const { Problem }: { Problem?: { properties?: object } } = document.components.schemas;
  return Object.keys(Problem?.properties ?? {});
};
/** Described, and not of every such answer. */
const AT_TIMES = ["idempotency-replayed", "retry-after"];

/** The answer is one of those that the document tells of. */
function fits(where: string, { responses }: Operation, { status, headers, body }: Answer<unknown>): void {
  const documented = responses[status];
  expect(documented, `${where} gave ${status} ${JSON.stringify(body)}`).toBeDefined();
  expect(status, `${where} gave ${JSON.stringify(body)}`).toBeLessThan(500);
  const described = Object.keys(documented?.headers ?? {}).map((name) => name.toLowerCase());
  const unknown = [...headers.keys()].filter((name) => !COMMON_HEADERS.has(name) && !described.includes(name));
  expect([where, unknown]).toEqual([where, []]);
  const lacking = described.filter((name) => !AT_TIMES.includes(name) && !headers.has(name));
  expect([where, lacking]).toEqual([where, []]);
  if (body === undefined) return;
  const type = headers.get("content-type")?.split(";")[0] ?? "";
  const media = documented?.content?.[type];
  expect(media, `${where} gave ${status} ${type}`).toBeDefined();
  if (media?.schema === undefined || !JSON_TYPES.includes(type)) return;
  if (type === "application/problem+json") {
    expect([where, Object.keys(body ?? {}).filter((name) => !problemMembers().includes(name))]).toEqual([where, []]);
  }
  const isValid = compiled(media.schema);
  expect([where, isValid(body), isValid.errors]).toEqual([where, true, null]);
}

it("every call is sent as its example says, and its answer is as its schema says", { timeout: 120_000 }, async () => {
  const { admin, customer, gate, ids } = await world();
  const order = ["GET", "POST", "PUT", "DELETE"];
  const calls = operations.toSorted((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
  const succeeded = new Set<string>();
  for (const { method, path, operation } of calls) {
    const where = `${method} ${path}`;
    const [, kind = ""] = /^\/api\/v1\/([\w-]+)/.exec(path) ?? [];
    const url = path.replace("{id}", ids[kind] ?? "none").replaceAll(/\{\w+\}/g, "none");
    // Those who sign out or go away are not those who are still needed.
    const person = path.startsWith("/api/v1/auth/") ? customer : kind === "tickets" && method === "POST" ? gate : admin;
    const body = bodyOf(operation);
    for (const example of body === undefined ? [undefined] : examplesOf(body)) {
      const answer = await office.rest.call<unknown>(method, url, { token: person.token, body: example });
      if (answer.status < 300) succeeded.add(where);
      fits(where, operation, answer);
      const etag = answer.headers.get("etag");
      if (method !== "GET" || etag === null) continue;
      const known = await office.rest.get<unknown>(url, { headers: { "if-none-match": etag } });
      expect([where, known.status]).toEqual([where, 304]);
      fits(where, operation, known);
      expect(operation.parameters).toContainEqual(expect.objectContaining({ in: "header", name: "If-None-Match" }));
    }
  }
  // The others need what an example cannot have: somebody's token, a signature, or things that are gone by then.
  expect(succeeded.size).toBeGreaterThan(operations.length * 0.6);
});

it("says of each body whether the call may do without", async () => {
  const { admin, gate, ids } = await world();
  for (const { method, path, operation } of operations) {
    if (operation.requestBody === undefined) continue;
    const [, kind = ""] = /^\/api\/v1\/([\w-]+)/.exec(path) ?? [];
    const url = path.replace("{id}", ids[kind] ?? "none");
    const { token } = kind === "auth" ? await office.guest() : path.endsWith("/check-in") ? gate : admin;
    const where = `${method} ${path}`;
    const { status } = await office.rest.call(method, url, { token });
    expect([where, operation.requestBody.required]).toEqual([where, status === 400]);
  }
});

it("a key that comes again, and a change from what is there no more, are answered as the document says", async () => {
  const { token } = await purchases.admin();
  const operationOf = (path: string, method: string): Operation => {
    const operation = document.paths[`/api/v1${path}`]?.[method];
    if (operation === undefined) throw new Error(`no ${method} ${path}`);
    return operation;
  };
  const asked = { token, headers: { "idempotency-key": "again" }, body: { title: "Again", durationMinutes: 90 } };
  for (const replayed of [null, "true"]) {
    const made = await office.rest.post("movies", asked);
    expect([made.status, made.headers.get("idempotency-replayed")]).toEqual([201, replayed]);
    fits("POST /movies", operationOf("/movies", "post"), made);
    for (const method of ["PUT", "DELETE"]) {
      const { parameters } = operationOf("/movies/{id}", method.toLowerCase());
      expect(parameters).toContainEqual(expect.objectContaining({ in: "header", name: "If-Match", required: false }));
      const answer = await office.rest.call(method, `movies/${String(made.body["id"])}`, {
        token,
        headers: { "if-match": '"old"' },
        ...(method === "PUT" && { body: asked.body }),
      });
      expect(answer.status).toBe(409);
      fits(`${method} /movies/{id}`, operationOf("/movies/{id}", method.toLowerCase()), answer);
    }
  }
});

it("GraphQL's refusals are as the document says, whichever type is accepted", async () => {
  const operation = document.paths["/graphql"]?.["post"];
  if (operation === undefined) throw new Error("no GraphQL");
  const { token } = await office.guest();
  const read = `query ($user: ID!) { getUserBookings(userId: $user) { success } }`;
  const gate = await purchases.person("gate");
  for (const accept of [...GRAPHQL_TYPES, "application/problem+json"]) {
    for (const [asked, status] of [
      [{ body: { query: "{" }, token }, 400],
      [{ body: { query: 7 }, token }, 400],
      [{ body: { query: read, variables: {} }, token }, 400],
      [{ body: { query: read, variables: { user: "u" } } }, 401],
      [{ body: { query: read, variables: { user: "u" } }, token: "none" }, 401],
      [{ body: { query: read, variables: { user: "u" } }, token: gate.token }, 403],
      [{ body: { query: read, variables: { user: "a b" } }, token: (await purchases.admin()).token }, 404],
    ] as const) {
      const answer = await office.rest.post<{ data?: unknown }>("/graphql", { ...asked, headers: { accept } });
      const where = `POST /graphql of ${JSON.stringify(asked.body)} as ${accept}`;
      fits(where, operation, answer);
      const isOfExecution = accept === "application/graphql-response+json" && answer.body.data === null;
      expect([where, answer.status]).toEqual([where, isOfExecution ? 200 : status]);
    }
  }
});

const byText = (a = "", b = ""): number => (a < b ? -1 : 1);
