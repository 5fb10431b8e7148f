import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderAsyncApi } from "./testing/asyncapi.ts";
import { encodeClientJson, encodeServerJson } from "./ws/index.ts";
import { clientMessages, serverMessages } from "./ws/testing/arbitrary-messages.ts";
import { CLIENT_SCHEMAS, SERVER_SCHEMAS } from "./ws/messages.ts";

describe("the AsyncAPI document", () => {
  it("is the one that the schemas make; after a change of them: npx vitest run proto/asyncapi.test.ts -u", async () => {
    await expect(renderAsyncApi()).toMatchFileSnapshot("./asyncapi.json");
  });

  it("is a document as AsyncAPI 3 defines it", async () => {
    const path = createRequire(import.meta.url).resolve("@asyncapi/specs/schemas/3.0.0-without-$id.json");
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats.default(ajv);
    // A JSON schema, published by the specification's authors.
    const validate = ajv.compile(JSON.parse(await readFile(path, "utf8")) as object);
    validate(JSON.parse(renderAsyncApi()));
    expect(validate.errors).toBeNull();
    validate({ asyncapi: "3.0.0" });
    expect(validate.errors).not.toBeNull();
  });

  it("has schemas that every message fits, by a reader without the u flag too", () => {
    // The cast: it is the document that we make.
    const { components } = JSON.parse(renderAsyncApi()) as {
      components: { messages: Record<string, { payload: { properties: { op: { const: string } } } }> };
    };
    const ajv = new Ajv({ strict: false, unicodeRegExp: false });
    const readers = Object.values(components.messages).map(({ payload }) => ({
      op: payload.properties.op.const,
      fits: ajv.compile(payload),
    }));
    const fits = (json: string): boolean => {
      const message = JSON.parse(json) as { op: string }; // Any message has one.
      return readers.some((each) => each.op === message.op && each.fits(message));
    };
    const all = fc.oneof(clientMessages.map(encodeClientJson), serverMessages.map(encodeServerJson));
    fc.assert(fc.property(all, fits), { numRuns: 1_000 });
    const extend = (rid: string) => JSON.stringify({ op: "extend", holdId: "st_1.1", rid });
    expect(["r1", "🎬", "\uD800"].map((rid) => fits(extend(rid)))).toEqual([true, true, false]);
  });

  it("lets an operation say what every message is for", () => {
    const document = renderAsyncApi();
    const operations = document.slice(document.indexOf('"operations"'));
    for (const name of [...Object.keys(CLIENT_SCHEMAS), ...Object.keys(SERVER_SCHEMAS)]) {
      expect(operations).toContain(`"#/channels/v1/messages/${name}"`);
    }
  });
});
