import type { FastifyRequest } from "fastify";
import { idempotencyKeyOf, principalOf } from "../../../platform/http/index.ts";
import type { Asker } from "../asker.ts";

export function askerOf(request: FastifyRequest): Asker {
  const { userId, role } = principalOf(request);
  return { userId, role, key: idempotencyKeyOf(request) };
}
