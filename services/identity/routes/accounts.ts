import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import * as schema from "../../../proto/rest/index.ts";
import { bodyOptional, Problem, principalOf, requireSignedIn, type Routes } from "../../../platform/http/index.ts";
import { isDevice, type UserRow, userOf } from "../accounts/user.ts";
import { LOGINS_OF_ADDRESS, LOGOUTS_OF_ADDRESS } from "../limits.ts";
import { type IdentityParts, tags } from "./parts.ts";

/** What people do with their own account. */
export const accountRoutes =
  ({ accounts, administration, logins }: IdentityParts): Routes =>
  async (app) => {
    async function self(request: FastifyRequest): Promise<UserRow> {
      const user = await accounts.find(principalOf(request).userId);
      if (user === undefined) throw new Problem("UNAUTHORIZED", "The account is gone.");
      return user;
    }

    /** @throws Problem FORBIDDEN for a device: its account is the administrators' */
    async function ownAccount(request: FastifyRequest): Promise<UserRow> {
      const user = await self(request);
      if (isDevice(user)) throw new Problem("FORBIDDEN", "A device's account is for administrators to change.");
      return user;
    }

    app.get(
      "/auth/me",
      {
        onRequest: requireSignedIn,
        schema: { operationId: "getMe", tags, summary: "Who am I", response: { 200: schema.User } },
      },
      async (request) => userOf(await self(request)),
    );

    app.put(
      "/auth/me",
      {
        onRequest: requireSignedIn,
        config: { problems: ["FORBIDDEN", "CONFLICT", "RATE_LIMITED", "BUSY"], rateLimit: LOGINS_OF_ADDRESS },
        schema: {
          operationId: "changeMe",
          tags,
          summary: "Change name, language or e-mail address",
          body: schema.ChangeMeBody,
          response: { 200: schema.User },
        },
      },
      async (request) => {
        const { password, ...changes } = request.body;
        const user = await ownAccount(request);
        if (changes.email !== undefined) {
          if (password === undefined) throw missing("body.password", "is needed to change the e-mail address");
          await logins.confirm(user, password, request.ip);
        } else if (password !== undefined) {
          throw missing("body.email", "is what the password is needed for; to change the password see /auth/password");
        }
        return userOf(await accounts.change(user.id, changes));
      },
    );

    app.post(
      "/auth/password",
      {
        onRequest: requireSignedIn,
        config: { problems: ["FORBIDDEN", "RATE_LIMITED", "BUSY"], rateLimit: LOGOUTS_OF_ADDRESS },
        schema: {
          operationId: "changePassword",
          tags,
          summary: "Change the password",
          description: "All other sign-ins of the account end, and their sockets.",
          body: schema.ChangePasswordBody,
          response: { 204: Type.Null({ description: "Changed." }) },
        },
      },
      async (request, reply) => {
        const { current, new: next } = request.body;
        const user = await ownAccount(request);
        const known = await logins.confirm(user, current, request.ip);
        await accounts.changePassword(user, known, next, { keep: principalOf(request).family });
        return reply.code(204).send(null);
      },
    );

    app.delete(
      "/auth/me",
      {
        onRequest: requireSignedIn,
        preValidation: bodyOptional,
        config: { problems: ["FORBIDDEN", "CONFLICT", "RATE_LIMITED", "BUSY"], rateLimit: LOGOUTS_OF_ADDRESS },
        schema: {
          operationId: "deleteMe",
          tags,
          summary: "Delete my account",
          description:
            "Name, e-mail address and password are deleted, all sign-ins end. What is paid for stays booked, under the bare user id, but nobody is shown its tickets any more: save them first. What is not is cancelled, and money that is on its way goes back.",
          body: schema.DeleteMeBody,
          response: { 204: Type.Null({ description: "Deleted." }) },
        },
      },
      async (request, reply) => {
        const { password } = request.body;
        const user = await ownAccount(request);
        if (user.email_key !== null) {
          if (password === undefined) throw missing("body.password", "is needed to delete the account");
          await logins.confirm(user, password, request.ip);
        }
        await administration.remove(user.id);
        return reply.code(204).send(null);
      },
    );
  };

const missing = (field: string, why: string) => new Problem("BAD_MESSAGE", `${field} ${why}.`, { field });
