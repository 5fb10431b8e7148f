import type { FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { Problem } from "./problem.ts";

/** Remembers the routes, to tell an address that is unknown (404) from one that knows other methods (405). */
export class MethodsByPath {
  readonly #routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];

  add({ url, method }: Pick<RouteOptions, "url" | "method">): void {
    if (url.includes("*")) return;
    this.#routes.push({ path: pathPattern(url), methods: [method].flat() });
  }

  /** @throws Problem NOT_FOUND | METHOD_NOT_ALLOWED */
  refuse(request: FastifyRequest, reply: FastifyReply): never {
    const path = request.url.split("?", 1)[0] ?? "";
    const methods = this.#routes.filter((route) => route.path.test(path)).flatMap((route) => route.methods);
    if (methods.length === 0 || methods.includes(request.method)) {
      throw new Problem("NOT_FOUND", "There is nothing at this address.");
    }
    const allow = [...new Set(methods)].join(", ");
    void reply.header("allow", allow);
    throw new Problem("METHOD_NOT_ALLOWED", `${request.method} is not for this address; it knows ${allow}.`);
  }
}

/** `/holds/:id/extend` as a pattern; `:id.pdf` counts as a parameter and a suffix. */
function pathPattern(url: string): RegExp {
  const escaped = url.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/:[A-Za-z]+/g, "[^/]+")}$`);
}
