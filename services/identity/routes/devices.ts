import { Type } from "typebox";
import * as schema from "../../../proto/rest/index.ts";
import { bodyOptional, requireRole, type Routes } from "../../../platform/http/index.ts";
import { DEVICES_OF_ADDRESS, FAMILIES_OF_DEVICE_MAX } from "../limits.ts";
import { type IdentityParts, tags } from "./parts.ts";

/** Kiosks, box offices and gates. */
export const deviceRoutes =
  ({ administration, devices, tokens }: IdentityParts): Routes =>
  async (app) => {
    app.post(
      "/devices",
      {
        onRequest: requireRole("admin"),
        preValidation: bodyOptional,
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

    app.get(
      "/devices",
      {
        onRequest: requireRole("admin"),
        schema: {
          operationId: "listDevices",
          tags,
          summary: "Devices, the oldest first",
          querystring: schema.PageQuery,
          response: { 200: schema.DevicePage },
        },
      },
      async ({ query }) => devices.list(query),
    );

    app.post(
      "/devices/:id/secret",
      {
        onRequest: requireRole("admin"),
        config: { problems: ["NOT_FOUND"] },
        schema: {
          operationId: "rotateDeviceSecret",
          tags,
          summary: "Give a device a new secret",
          description:
            "The old secret ends at once, and so do the device's tokens and sockets: it may have been copied.",
          params: schema.IdParams,
          response: { 200: schema.DeviceCreated },
        },
      },
      async ({ params }) => devices.rotate(params.id),
    );

    app.delete(
      "/devices/:id",
      {
        onRequest: requireRole("admin"),
        config: { problems: ["NOT_FOUND"] },
        schema: {
          operationId: "deleteDevice",
          tags,
          summary: "Remove a device",
          description:
            "Its secret, tokens and sockets end at once. Administrators still find its name and role at /users/:id: bookings name it.",
          params: schema.IdParams,
          response: { 204: Type.Null({ description: "Removed." }) },
        },
      },
      async ({ params }, reply) => {
        await administration.remove(params.id, { onlyDevice: true });
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/auth/device",
      {
        config: { problems: ["UNAUTHORIZED", "RATE_LIMITED"], rateLimit: DEVICES_OF_ADDRESS },
        schema: {
          operationId: "signInDevice",
          tags,
          summary: "Sign in as a device",
          description:
            "To be done again before each token's end, which costs little: a socket stays open meanwhile. " +
            `\`RATE_LIMITED\` with \`retryInMs\` while ${FAMILIES_OF_DEVICE_MAX.toLocaleString("en")} of its tokens are good.`,
          body: schema.DeviceBody,
          response: { 200: schema.DeviceSignedIn },
        },
      },
      async ({ body }) => {
        const { user, family } = await devices.signIn(body.deviceId, body.secret);
        return { accessToken: await tokens.issue(user, family) };
      },
    );
  };
