import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { SERVES_MANY } from "../../../platform/auth/index.ts";
import type { Bus } from "../../../platform/bus/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import { MAY_BUY } from "../../../proto/index.ts";
import { AnyIdParams, EmptyBody, Hold, HoldRequest } from "../../../proto/rest/index.ts";
import { bodyOptional, idempotencyKeyOf, principalOf, requireRole, type Routes } from "../../../platform/http/index.ts";
import { ridOf } from "../ids.ts";
import type { Engine } from "../../../platform/engine-client/index.ts";
import { type Asking, Holds } from "./holds.ts";

interface Options {
  readonly engine: Engine;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

const tags = ["holds"];
const mayBuy = requireRole(...MAY_BUY);

export const holdRoutes =
  ({ engine, bus, clock, random }: Options): Routes =>
  async (app) => {
    const holds = new Holds({ engine, bus, clock });
    const askingOf = (request: FastifyRequest): Asking => {
      const { userId, role } = principalOf(request);
      const key = idempotencyKeyOf(request);
      const repeated = key === undefined ? undefined : `${request.method} ${request.url}\n${key}`;
      return {
        holder: userId,
        desk: SERVES_MANY.has(role),
        rid: ridOf("rest", repeated, random),
        repeatable: key !== undefined,
      };
    };

    app.post(
      "/showtimes/:id/holds",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "holdSeats",
          tags,
          summary: "Takes seats for a few minutes: those named, or the best that are free",
          params: AnyIdParams,
          body: HoldRequest,
          response: { 201: Hold },
        },
        config: {
          idempotent: true,
          problems: [
            "NOT_FOUND",
            "SEAT_TAKEN",
            "NOT_ENOUGH_SEATS",
            "ORPHAN_SEAT",
            "ACCESSIBLE_ONLY",
            "LIMIT_REACHED",
            "SALE_CLOSED",
            "HOLD_EXPIRED",
            "BUSY",
          ],
        },
      },
      async (request, reply) => {
        const hold = await holds.take(request.params.id, request.body, askingOf(request));
        return reply.code(201).header("location", `/api/v1/holds/${hold.holdId}`).send(hold);
      },
    );

    app.get(
      "/holds/:id",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "getHold",
          tags,
          summary: "A hold of one's own, and what is left of its time",
          params: AnyIdParams,
          response: { 200: Hold },
        },
        config: { problems: ["HOLD_NOT_FOUND", "HOLD_EXPIRED", "BUSY"] },
      },
      async (request, reply) => {
        const hold = await holds.read(request.params.id, principalOf(request).userId);
        void reply.header("cache-control", "no-store");
        return hold;
      },
    );

    app.post(
      "/holds/:id/extend",
      {
        onRequest: mayBuy,
        preValidation: bodyOptional,
        schema: {
          operationId: "extendHold",
          tags,
          summary: "More time, a limited number of times",
          params: AnyIdParams,
          body: EmptyBody,
          response: { 200: Hold },
        },
        config: {
          idempotent: true,
          problems: ["HOLD_NOT_FOUND", "HOLD_EXPIRED", "HOLD_PINNED", "LIMIT_REACHED", "SALE_CLOSED", "BUSY"],
        },
      },
      async (request) => holds.extend(request.params.id, askingOf(request)),
    );

    app.delete(
      "/holds/:id",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "releaseHold",
          tags,
          summary: "Gives the seats back",
          params: AnyIdParams,
          response: { 204: Type.Null() },
        },
        config: { problems: ["HOLD_NOT_FOUND", "HOLD_EXPIRED", "HOLD_PINNED", "BUSY"] },
      },
      async (request, reply) => {
        await holds.release(request.params.id, askingOf(request));
        return reply.code(204).send(null);
      },
    );
  };
