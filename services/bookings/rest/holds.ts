import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { MAY_BUY, type RequestId } from "../../../proto/index.ts";
import { AnyIdParams, EmptyBody, Hold, HoldRequest } from "../../../proto/rest/index.ts";
import { bodyOptional, principalOf, requireRole, type Routes } from "../../../platform/http/index.ts";
import type { Asker } from "../asker.ts";
import type { Holds } from "../holds.ts";
import { ridOf } from "../ids.ts";
import { askerOf } from "./asker-of.ts";

interface Options {
  readonly holds: Holds;
  readonly random: RandomBytes;
}

const tags = ["holds"];
const mayBuy = requireRole(...MAY_BUY);

export const holdRoutes =
  ({ holds, random }: Options): Routes =>
  async (app) => {
    const ridFor = ({ key }: Asker, { method, url }: FastifyRequest): RequestId =>
      ridOf("rest", key === undefined ? undefined : `${method} ${url}\n${key}`, random);

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
          sends: ["Location"],
        },
      },
      async (request, reply) => {
        const asker = askerOf(request);
        const hold = await holds.take(asker, request.params.id, request.body, {
          rid: ridFor(asker, request),
          repeatable: asker.key !== undefined,
        });
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
        const hold = await holds.read(principalOf(request), request.params.id);
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
      async (request) => {
        const asker = askerOf(request);
        return holds.extend(asker, request.params.id, ridFor(asker, request));
      },
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
        const asker = askerOf(request);
        await holds.release(asker, request.params.id, ridFor(asker, request));
        return reply.code(204).send(null);
      },
    );
  };
