import { Type } from "typebox";
import * as schema from "../../../proto/rest/index.ts";
import { Problem, principalOf, requireRole, requireSignedIn, type Routes } from "../../../platform/http/index.ts";
import { userOf } from "../accounts/user.ts";
import { type IdentityParts, tags } from "./parts.ts";

/** What administrators see of people, and do with them. */
export const userRoutes =
  ({ accounts, administration }: IdentityParts): Routes =>
  async (app) => {
    app.get(
      "/users",
      {
        onRequest: requireRole("admin"),
        schema: {
          operationId: "listUsers",
          tags,
          summary: "Users, the oldest first; guests and devices among them",
          querystring: schema.UserQuery,
          response: { 200: schema.UserPage },
        },
      },
      async ({ query }) => accounts.list(query),
    );

    app.get(
      "/users/:id",
      {
        onRequest: requireSignedIn,
        config: { problems: ["NOT_FOUND"] },
        schema: {
          operationId: "getUser",
          tags,
          summary: "One user: oneself, or anybody for an administrator",
          params: schema.IdParams,
          response: { 200: schema.User },
        },
      },
      async (request) => {
        const { userId, role } = principalOf(request);
        const { id } = request.params;
        const user = id === userId || role === "admin" ? await accounts.findForBooks(id) : undefined;
        if (user === undefined) throw new Problem("NOT_FOUND", "There is no such user.");
        return userOf(user);
      },
    );

    app.put(
      "/users/:id",
      {
        onRequest: requireRole("admin"),
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
        schema: {
          operationId: "changeUser",
          tags,
          summary: "Give somebody another role",
          description:
            "Whoever works at the cinema opens an account and gets the role here. The user is signed out everywhere, so that no " +
            "token of the old role is left. Guests and devices keep theirs; nobody changes their own; the last administrator stays.",
          params: schema.IdParams,
          body: schema.ChangeUserBody,
          response: { 200: schema.User },
        },
      },
      async (request) => {
        const by = principalOf(request).userId;
        return userOf(await administration.changeRole(request.params.id, request.body.role, { by }));
      },
    );

    app.delete(
      "/users/:id",
      {
        onRequest: requireRole("admin"),
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
        schema: {
          operationId: "deleteUser",
          tags,
          summary: "Delete somebody's account",
          description: "As /auth/me does for oneself, which is the way for one's own account.",
          params: schema.IdParams,
          response: { 204: Type.Null({ description: "Deleted." }) },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (id === principalOf(request).userId)
          throw new Problem("CONFLICT", "Delete your own account at /auth/me, with your password.");
        await administration.remove(id);
        return reply.code(204).send(null);
      },
    );
  };
