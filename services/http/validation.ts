import { Ajv, type Options } from "ajv";
import * as formats from "ajv-formats";
import type { FastifySchema, FastifySchemaCompiler } from "fastify";

/**
 * Bodies are taken as they are: a number in quotes is no number. Addresses hold only text, so there it is converted.
 * Fastify's own default would also convert bodies, and silently drop fields that nobody knows.
 */
export function validatorCompiler(): FastifySchemaCompiler<FastifySchema> {
  const options: Options = {
    allErrors: false,
    removeAdditional: false,
    useDefaults: false,
    strict: "log",
    allowUnionTypes: true,
  };
  const body = withFormats(new Ajv({ ...options, coerceTypes: false }));
  const text = withFormats(new Ajv({ ...options, coerceTypes: true }));
  return ({ schema, httpPart }) => (httpPart === "body" ? body : text).compile(schema);
}

function withFormats(ajv: Ajv): Ajv {
  formats.default.default(ajv);
  return ajv;
}
