import { SerializerSelector } from "@fastify/fast-json-stringify-compiler";
import { Ajv, type Options, type ValidateFunction } from "ajv";
import * as formats from "ajv-formats";
import type { FastifySchema, FastifySchemaCompiler } from "fastify";

/** What Fastify asks for the compiler of answers with. */
type BuildSerializer = ReturnType<typeof SerializerSelector>;

/**
 * Fastify's own, but an answer's schema is compiled when the first such answer is given: a start took longer for those of
 * errors that nobody makes.
 */
export function serializerFactory(): BuildSerializer {
  const build = SerializerSelector();
  return (externalSchemas, options) => {
    const compile = build(externalSchemas, options);
    return (route) => {
      let serialize: ReturnType<typeof compile> | undefined;
      return (answer) => (serialize ??= compile(route))(answer);
    };
  };
}

/**
 * Bodies are taken as they are: a number in quotes is no number. Addresses hold only text, so there it is converted.
 * Fastify's own default would also convert bodies, and silently drop fields that nobody knows. Compiled when first needed, as answers are.
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
  // Text such as 1e999 becomes a number that is not finite: with strict numbers no limit would hold it.
  const text = withFormats(new Ajv({ ...options, coerceTypes: true, strictNumbers: false }));
  return ({ schema, httpPart }) => {
    let validate: ValidateFunction | undefined;
    return (data: unknown) => {
      validate ??= (httpPart === "body" ? body : text).compile(schema);
      return validate(data) || { error: validate.errors ?? [] };
    };
  };
}

function withFormats(ajv: Ajv): Ajv {
  formats.default.default(ajv);
  return ajv;
}
