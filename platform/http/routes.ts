import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { ErrorCode } from "../../proto/index.ts";

/** A domain's routes: a Fastify plugin whose handlers are typed by their TypeBox schemas. */
export type Routes = FastifyPluginAsyncTypebox;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The refusals that are this route's own; those of every route (and of its guard, its body, ...) are added by themselves. */
    problems?: readonly ErrorCode[];
    /** Takes an `Idempotency-Key`: the first answer is kept and given again. Needs a guard. */
    idempotent?: boolean;
  }
}
