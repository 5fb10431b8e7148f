import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { renderAsyncApi } from "./testing/asyncapi.ts";
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

  it("lets an operation say what every message is for", () => {
    const document = renderAsyncApi();
    const operations = document.slice(document.indexOf('"operations"'));
    for (const name of [...Object.keys(CLIENT_SCHEMAS), ...Object.keys(SERVER_SCHEMAS)]) {
      expect(operations).toContain(`"#/channels/v1/messages/${name}"`);
    }
  });
});
