import { ChangedHall, HallParams, HallPlanView, NewHall } from "../../../../proto/rest/index.ts";
import { requireRole, type Routes } from "../../../../platform/http/index.ts";
import type { HallDesk } from "../../admin/hall-desk.ts";
import { HALL_BODY_LIMIT } from "../../limits.ts";
import { tags } from "../tags.ts";
import { expectedOf, Gone, tagOf } from "./answers.ts";

const onRequest = requireRole("admin");

export const hallRoutes =
  (halls: HallDesk): Routes =>
  async (app) => {
    app.post(
      "/halls",
      {
        onRequest,
        bodyLimit: HALL_BODY_LIMIT,
        schema: {
          operationId: "createHall",
          tags,
          summary: "Add a hall",
          body: NewHall,
          response: { 201: HallPlanView },
        },
        config: { idempotent: true, problems: ["CONFLICT"], sends: ["Location", "ETag"] },
      },
      async (request, reply) => {
        const made = await halls.create(request.body);
        return reply.code(201).header("location", `/api/v1/halls/${made.id}`).header("etag", tagOf(made)).send(made);
      },
    );

    app.put(
      "/halls/:id",
      {
        onRequest,
        bodyLimit: HALL_BODY_LIMIT,
        schema: {
          operationId: "changeHall",
          tags,
          summary: "Change a hall",
          description:
            "Another layout counts for showtimes made from now on; those that are there keep the plan that they are sold with, and seats of it that are gone are sold no more. A seat that somebody has a ticket for, or is buying, cannot go.",
          params: HallParams,
          body: ChangedHall,
          response: { 200: HallPlanView },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        const hall = await halls.change(request.params.id, request.body, expectedOf(request, request.body));
        return reply.header("etag", tagOf(hall)).send(hall);
      },
    );

    app.delete(
      "/halls/:id",
      {
        onRequest,
        schema: {
          operationId: "deleteHall",
          tags,
          summary: "Remove a hall",
          description: "A hall with showtimes stays.",
          params: HallParams,
          response: { 204: Gone },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await halls.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };
