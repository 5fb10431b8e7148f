import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { etagOf } from "../../../../platform/http/index.ts";
import type { Expected } from "../../admin/expected-version.ts";

export const Gone = Type.Null({ description: "It is gone." });

export const tagOf = (resource: unknown): string => etagOf(JSON.stringify(resource));

/** The version that a change was made from, where it names one. */
export const expectedOf = (request: FastifyRequest, body: { readonly version?: number | undefined }): Expected => ({
  version: body.version,
  ifMatch: request.headers["if-match"],
});
