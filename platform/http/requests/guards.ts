import type { FastifyRequest, RouteOptions } from "fastify";
import type { Role } from "../../../proto/index.ts";
import { InvalidToken, type Principal, type TokenVerifier } from "../../auth/index.ts";
import { Problem } from "../answers/problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    readonly verifier: TokenVerifier;
  }
  interface FastifyRequest {
    /** Set by the guards; read it with `principalOf`. */
    principal: Principal | null;
  }
}

type Guard = (request: FastifyRequest) => Promise<void>;

/** Which hooks are guards, so that the API's description can say so of the routes that have one. */
const rolesOf = new WeakMap<object, readonly Role[]>();

function guard(roles: readonly Role[]): Guard {
  const check: Guard = async (request) => {
    const principal = (request.principal ??= await authenticate(request));
    if (roles.length > 0 && !roles.includes(principal.role)) {
      throw new Problem("FORBIDDEN", `This needs the role ${roles.join(" or ")}; yours is ${principal.role}.`);
    }
  };
  rolesOf.set(check, roles);
  return check;
}

/** Use as `onRequest`, so that strangers are refused before their bodies are read. */
export const requireSignedIn: Guard = guard([]);

export const requireRole = (...roles: [Role, ...Role[]]): Guard => guard(roles);

/** Who asks. For routes behind a guard. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.routeOptions.url} reads the principal, but has no guard`);
  return request.principal;
}

/** The roles that a route's guard lets in (empty: any), or undefined when it has no guard. */
export function guardOf(
  route: Pick<RouteOptions, "onRequest" | "preHandler" | "preValidation">,
): readonly Role[] | undefined {
  const hooks = [route.onRequest, route.preValidation, route.preHandler].flat();
  return hooks.map((hook) => hook && rolesOf.get(hook)).find((roles) => roles !== undefined);
}

async function authenticate(request: FastifyRequest): Promise<Principal> {
  const token = bearerToken(request);
  if (token === undefined) throw new Problem("UNAUTHORIZED", "Sign in: send `Authorization: Bearer <access token>`.");
  return request.server.verifier.verify(token);
}

/** The token of the Authorization header (RFC 6750), or undefined when there is no such header. @throws InvalidToken */
export function bearerToken(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const token = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (token === undefined) throw new InvalidToken("The Authorization header holds no bearer token.");
  return token;
}
