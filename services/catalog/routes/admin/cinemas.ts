import { ChangedCinema, CinemaParams, CinemaWithHalls, NewCinema } from "../../../../proto/rest/index.ts";
import { requireRole, type Routes } from "../../../../platform/http/index.ts";
import type { CinemaDesk } from "../../admin/cinema-desk.ts";
import { tags } from "../tags.ts";
import { expectedOf, Gone, tagOf } from "./answers.ts";

const onRequest = requireRole("admin");

export const cinemaRoutes =
  (cinemas: CinemaDesk): Routes =>
  async (app) => {
    app.post(
      "/cinemas",
      {
        onRequest,
        schema: {
          operationId: "createCinema",
          tags,
          summary: "Add a cinema",
          body: NewCinema,
          response: { 201: CinemaWithHalls },
        },
        config: { idempotent: true, problems: ["CONFLICT"], sends: ["Location", "ETag"] },
      },
      async (request, reply) => {
        const made = await cinemas.create(request.body);
        return reply.code(201).header("location", `/api/v1/cinemas/${made.id}`).header("etag", tagOf(made)).send(made);
      },
    );

    app.put(
      "/cinemas/:id",
      {
        onRequest,
        schema: {
          operationId: "changeCinema",
          tags,
          summary: "Change a cinema",
          params: CinemaParams,
          body: ChangedCinema,
          response: { 200: CinemaWithHalls },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        const cinema = await cinemas.change(request.params.id, request.body, expectedOf(request, request.body));
        return reply.header("etag", tagOf(cinema)).send(cinema);
      },
    );

    app.delete(
      "/cinemas/:id",
      {
        onRequest,
        schema: {
          operationId: "deleteCinema",
          tags,
          summary: "Remove a cinema",
          description: "Its halls go with it; a cinema with showtimes stays.",
          params: CinemaParams,
          response: { 204: Gone },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await cinemas.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };
