import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import * as schema from "../../../proto/rest/index.ts";
import { InvalidToken, type Principal } from "../../../platform/auth/index.ts";
import { bearerToken, bodyOptional, idempotencyKeyOf, Problem, type Routes } from "../../../platform/http/index.ts";
import { userOf } from "../accounts/user.ts";
import {
  FAMILIES_OF_USER_MAX,
  GUESTS_OF_ADDRESS,
  LOGINS_OF_ADDRESS,
  LOGOUTS_OF_ADDRESS,
  REGISTRATIONS_OF_ADDRESS,
} from "../limits.ts";
import { type IdentityParts, signedIn, tags } from "./parts.ts";

/** How people sign up, in and out. */
export const sessionRoutes =
  (parts: IdentityParts): Routes =>
  async (app) => {
    const { accounts, families, logins, throttle, tokens } = parts;

    app.post(
      "/auth/register",
      {
        config: { problems: ["UNAUTHORIZED", "FORBIDDEN", "CONFLICT", "BUSY"], rateLimit: REGISTRATIONS_OF_ADDRESS },
        schema: {
          operationId: "register",
          tags,
          summary: "Open an account",
          description:
            "With a guest's token as bearer the guest becomes a customer: the user id, and so all holds and bookings, stay. " +
            "The guest's old token stays good in its role until it runs out; those given from now on are a customer's. A token that is not good, or not any more, counts as none.",
          security: [{}, { bearer: [] }],
          body: schema.RegisterBody,
          response: { 201: schema.SignedIn },
        },
      },
      async (request, reply) => {
        const guestId = await guestOf(request);
        const network = throttle.networkKey(request.ip);
        const opened = await (guestId === undefined
          ? accounts.register(request.body, "customer", network)
          : accounts.upgrade(guestId, request.body, network));
        return reply.code(201).send(await signedIn(parts, opened));
      },
    );

    app.post(
      "/auth/login",
      {
        config: { problems: ["UNAUTHORIZED", "RATE_LIMITED", "BUSY"], rateLimit: LOGINS_OF_ADDRESS },
        schema: {
          operationId: "login",
          tags,
          summary: "Sign in",
          description:
            "After several wrong passwords, of one account or from one address, each further one doubles the wait before the " +
            "next try, up to a minute: `RATE_LIMITED` with `retryInMs`. Tries within the wait do not make it longer. " +
            `Past ${FAMILIES_OF_USER_MAX.toLocaleString("en")} sign-ins of an account one that has ended is forgotten, or else the one that was used longest ago ends; ` +
            "while its access token is still good, `RATE_LIMITED` as well.",
          body: schema.LoginBody,
          response: { 200: schema.SignedIn },
        },
      },
      async ({ body, ip }) => signedIn(parts, await logins.login(body.email, body.password, ip)),
    );

    app.post(
      "/auth/guest",
      {
        config: { rateLimit: GUESTS_OF_ADDRESS },
        preValidation: bodyOptional,
        schema: {
          operationId: "signInAsGuest",
          tags,
          summary: "Buy without an account",
          body: schema.EmptyBody,
          response: { 201: schema.GuestSignedIn },
        },
      },
      async (_request, reply) => {
        const { user, family } = await accounts.openGuest();
        return reply.code(201).send({ user: userOf(user), accessToken: await tokens.issue(user, family) });
      },
    );

    app.post(
      "/auth/refresh",
      {
        config: { problems: ["UNAUTHORIZED"] },
        schema: {
          operationId: "refresh",
          tags,
          summary: "Trade a refresh token for new tokens",
          description:
            "A refresh token is good once: one that comes again ends its whole sign-in, sockets included. A client that sends an " +
            "Idempotency-Key may ask again with the same one for a minute, should the answer get lost.",
          body: schema.RefreshBody,
          response: { 200: schema.SignedIn },
        },
      },
      async (request) => {
        const { userId, family, refreshToken } = await families.refresh(
          request.body.refreshToken,
          idempotencyKeyOf(request),
        );
        const user = await accounts.find(userId);
        if (user === undefined) throw new Problem("UNAUTHORIZED", "The account is gone.");
        return { user: userOf(user), accessToken: await tokens.issue(user, family), refreshToken };
      },
    );

    app.post(
      "/auth/logout",
      {
        config: { problems: ["UNAUTHORIZED"], rateLimit: LOGOUTS_OF_ADDRESS },
        preValidation: bodyOptional,
        schema: {
          operationId: "logout",
          tags,
          summary: "Sign out",
          description:
            "Ends the sign-in of the refresh token in the body, or of the bearer: its tokens are void, its sockets closed.",
          security: [{ bearer: [] }, {}],
          body: schema.LogoutBody,
          response: { 204: Type.Null({ description: "Signed out." }) },
        },
      },
      async (request, reply) => {
        const { refreshToken } = request.body;
        if (refreshToken === undefined) await families.revoke(await familyOf(request));
        else await families.revokeByToken(refreshToken);
        return reply.code(204).send(null);
      },
    );
  };

/** @throws InvalidToken | Problem UNAUTHORIZED */
async function familyOf(request: FastifyRequest): Promise<string> {
  const bearer = bearerToken(request);
  if (bearer !== undefined) return (await request.server.verifier.verify(bearer)).family;
  throw new Problem("UNAUTHORIZED", "Send the refresh token in the body, or the access token as bearer.");
}

/** Whoever registers may be a guest so far. @throws Problem FORBIDDEN | VerifierUnavailable */
async function guestOf(request: FastifyRequest): Promise<string | undefined> {
  const principal = await principalIfAny(request);
  if (principal === undefined) return undefined;
  const { userId, role } = principal;
  if (role === "guest") return userId;
  throw new Problem("FORBIDDEN", `Only a guest becomes a customer; the token's role is ${role}. Leave the token out.`);
}

/** A token that is not good, or not any more, speaks for nobody: its client sends it still, and its owner may register all the same. */
async function principalIfAny(request: FastifyRequest): Promise<Principal | undefined> {
  try {
    const bearer = bearerToken(request);
    return bearer === undefined ? undefined : await request.server.verifier.verify(bearer);
  } catch (error) {
    if (error instanceof InvalidToken) return undefined;
    throw error;
  }
}
