import { Type } from "typebox";
import * as schema from "../../proto/rest/index.ts";
import {
  bearerToken,
  idempotencyKeyOf,
  Problem,
  principalOf,
  requireRole,
  requireSignedIn,
  type Routes,
} from "../http/index.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { Accounts } from "./accounts.ts";
import type { Devices } from "./devices.ts";
import type { Families } from "./families.ts";

export interface IdentityParts {
  readonly accounts: Accounts;
  readonly devices: Devices;
  readonly families: Families;
  readonly tokens: AccessTokens;
}

const tags = ["accounts"];

export const identityRoutes =
  (parts: IdentityParts): Routes =>
  async (app, options) => {
    // Nothing that holds a token may be kept by a cache on the way (RFC 6749, 5.1).
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    await peopleRoutes(parts)(app, options);
    await sessionRoutes(parts)(app, options);
    await deviceRoutes(parts)(app, options);
    await userRoutes(parts)(app, options);
  };

const peopleRoutes =
  ({ accounts, families, tokens }: IdentityParts): Routes =>
  async (app) => {
    app.post(
      "/auth/register",
      {
        config: { problems: ["CONFLICT", "BUSY"] },
        schema: {
          operationId: "register",
          tags,
          summary: "Open an account",
          body: schema.RegisterBody,
          response: { 201: schema.SignedIn },
        },
      },
      async (request, reply) => {
        const account = { ...request.body, role: "customer" as const };
        const signedIn = await accounts.register(account, async (user, db) => ({
          user,
          ...(await families.open(user.id, db)),
        }));
        const { user, family, refreshToken } = signedIn;
        return reply.code(201).send({ user, accessToken: await tokens.issue(user, family), refreshToken });
      },
    );

    app.post(
      "/auth/login",
      {
        config: { problems: ["UNAUTHORIZED", "BUSY"] },
        schema: {
          operationId: "login",
          tags,
          summary: "Sign in",
          body: schema.LoginBody,
          response: { 200: schema.SignedIn },
        },
      },
      async ({ body }) => {
        const user = await accounts.login(body.email, body.password);
        const { family, refreshToken } = await families.open(user.id);
        return { user, accessToken: await tokens.issue(user, family), refreshToken };
      },
    );

    app.post(
      "/auth/guest",
      {
        preValidation: async (request) => void (request.body ??= {}),
        schema: {
          operationId: "signInAsGuest",
          tags,
          summary: "Buy without an account",
          body: schema.GuestBody,
          response: { 201: schema.GuestSignedIn },
        },
      },
      async (_request, reply) => {
        const user = await accounts.create("guest");
        return reply.code(201).send({ user, accessToken: await tokens.issue(user, families.newId()) });
      },
    );
  };

const sessionRoutes =
  ({ accounts, families, tokens }: IdentityParts): Routes =>
  async (app) => {
    app.post(
      "/auth/refresh",
      {
        config: { problems: ["UNAUTHORIZED"] },
        schema: {
          operationId: "refresh",
          tags,
          summary: "Trade a refresh token for new tokens",
          description:
            "A refresh token is good once: one that comes again ends its whole sign-in. A client that sends an " +
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
        return { user, accessToken: await tokens.issue(user, family), refreshToken };
      },
    );

    app.post(
      "/auth/logout",
      {
        config: { problems: ["UNAUTHORIZED"] },
        preValidation: async (request) => void (request.body ??= {}),
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
        const bearer = bearerToken(request);
        if (refreshToken === undefined && bearer === undefined) {
          throw new Problem("UNAUTHORIZED", "Send the refresh token in the body, or the access token as bearer.");
        }
        if (refreshToken !== undefined) await families.revokeByToken(refreshToken);
        else if (bearer !== undefined) await families.revoke((await app.verifier.verify(bearer)).family);
        return reply.code(204).send(null);
      },
    );
  };

const deviceRoutes =
  ({ devices, families, tokens }: IdentityParts): Routes =>
  async (app) => {
    app.post(
      "/devices",
      {
        onRequest: requireRole("admin"),
        preValidation: async (request) => void (request.body ??= {}),
        schema: {
          operationId: "createDevice",
          tags,
          summary: "Add a kiosk, a box office or a gate",
          body: schema.CreateDeviceBody,
          response: { 201: schema.DeviceCreated },
        },
      },
      async ({ body }, reply) => reply.code(201).send(await devices.create(body.role ?? "kiosk", body.name)),
    );

    app.post(
      "/auth/device",
      {
        config: { problems: ["UNAUTHORIZED"] },
        schema: {
          operationId: "signInDevice",
          tags,
          summary: "Sign in as a device",
          body: schema.DeviceBody,
          response: { 200: schema.DeviceSignedIn },
        },
      },
      async ({ body }) => {
        const user = await devices.signIn(body.deviceId, body.secret);
        return { accessToken: await tokens.issue(user, families.newId()) };
      },
    );
  };

const userRoutes =
  ({ accounts }: IdentityParts): Routes =>
  async (app) => {
    app.get(
      "/auth/me",
      {
        onRequest: requireSignedIn,
        schema: { operationId: "getMe", tags, summary: "Who am I", response: { 200: schema.User } },
      },
      async (request) => {
        const user = await accounts.find(principalOf(request).userId);
        if (user === undefined) throw new Problem("UNAUTHORIZED", "The account is gone.");
        return user;
      },
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
        const user = id === userId || role === "admin" ? await accounts.find(id) : undefined;
        if (user === undefined) throw new Problem("NOT_FOUND", "There is no such user.");
        return user;
      },
    );
  };
