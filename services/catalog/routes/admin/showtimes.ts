import { ChangedShowtime, NewShowtime, Showtime, ShowtimeParams } from "../../../../proto/rest/index.ts";
import { requireRole, type Routes } from "../../../../platform/http/index.ts";
import type { ShowtimeDesk } from "../../admin/showtime-desk.ts";
import { tags } from "../tags.ts";
import { showtimeTag } from "../../showtime-tag.ts";
import { expectedOf, Gone } from "./answers.ts";

const tagOf = (showtime: Showtime): string => showtimeTag(showtime, JSON.stringify(showtime));

const onRequest = requireRole("admin");

export const showtimeRoutes =
  (showtimes: ShowtimeDesk): Routes =>
  async (app) => {
    app.post(
      "/showtimes",
      {
        onRequest,
        schema: {
          operationId: "createShowtime",
          tags,
          summary: "Add a showtime",
          body: NewShowtime,
          response: { 201: Showtime },
        },
        config: { idempotent: true, problems: ["CONFLICT"], sends: ["Location", "ETag"] },
      },
      async (request, reply) => {
        const made = await showtimes.create(request.body);
        return reply
          .code(201)
          .header("location", `/api/v1/showtimes/${made.id}`)
          .header("etag", tagOf(made))
          .send(made);
      },
    );

    app.put(
      "/showtimes/:id",
      {
        onRequest,
        schema: {
          operationId: "changeShowtime",
          tags,
          summary: "Change a showtime",
          description:
            "New times are in force at once. With `status` cancelled the sale ends for good, and everybody gets the money back.",
          params: ShowtimeParams,
          body: ChangedShowtime,
          response: { 200: Showtime },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        const showtime = await showtimes.change(request.params.id, request.body, expectedOf(request, request.body));
        return reply.header("etag", tagOf(showtime)).send(showtime);
      },
    );

    app.delete(
      "/showtimes/:id",
      {
        onRequest,
        schema: {
          operationId: "deleteShowtime",
          tags,
          summary: "Remove a showtime",
          description:
            "Ends the sale. A showtime in which nobody has a seat, and nobody ever booked one, is gone then; any other stays in the books, as cancelled, and everybody gets the money back.",
          params: ShowtimeParams,
          response: { 204: Gone },
        },
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await showtimes.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };
