import type { FastifyRequest } from "fastify";
import {
  ChangedCinema,
  ChangedHall,
  ChangedMovie,
  ChangedShowtime,
  CinemaParams,
  CinemaWithHalls,
  HallParams,
  HallPlanView,
  Movie,
  MovieParams,
  NewCinema,
  NewHall,
  NewMovie,
  NewShowtime,
  Showtime,
  ShowtimeParams,
} from "../../../proto/rest/index.ts";
import { Type } from "typebox";
import { etagOf, requireRole, type Routes } from "../../../platform/http/index.ts";
import type { CinemaDesk } from "../admin/cinema-desk.ts";
import type { Expected } from "../admin/expected-version.ts";
import type { HallDesk } from "../admin/hall-desk.ts";
import type { MovieDesk } from "../admin/movie-desk.ts";
import type { ShowtimeDesk } from "../admin/showtime-desk.ts";
import { HALL_BODY_LIMIT } from "../limits.ts";

export interface Desks {
  readonly movies: MovieDesk;
  readonly cinemas: CinemaDesk;
  readonly halls: HallDesk;
  readonly showtimes: ShowtimeDesk;
}

const tags = ["catalogue"];
const onRequest = requireRole("admin");
const Gone = Type.Null({ description: "It is gone." });

/** What an admin changes. Two who change one thing at once hear of each other: each change may name the version that it was made from. */
export const adminRoutes =
  (desks: Desks): Routes =>
  async (app, options) => {
    await movieRoutes(desks)(app, options);
    await cinemaRoutes(desks)(app, options);
    await hallRoutes(desks)(app, options);
    await showtimeRoutes(desks)(app, options);
  };

const expectedOf = (request: FastifyRequest, body: { readonly version?: number | undefined }): Expected => ({
  version: body.version,
  ifMatch: request.headers["if-match"],
});

const tagOf = (resource: unknown): string => etagOf(JSON.stringify(resource));

const movieRoutes =
  ({ movies }: Desks): Routes =>
  async (app) => {
    app.post(
      "/movies",
      {
        onRequest,
        schema: { operationId: "createMovie", tags, summary: "Add a movie", body: NewMovie, response: { 201: Movie } },
        config: { idempotent: true, problems: ["CONFLICT"] },
      },
      async (request, reply) => {
        const made = await movies.create(request.body);
        return reply.code(201).header("location", `/api/v1/movies/${made.id}`).header("etag", tagOf(made)).send(made);
      },
    );

    app.put(
      "/movies/:id",
      {
        onRequest,
        schema: {
          operationId: "changeMovie",
          tags,
          summary: "Change a movie",
          params: MovieParams,
          body: ChangedMovie,
          response: { 200: Movie },
        },
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        const movie = await movies.change(request.params.id, request.body, expectedOf(request, request.body));
        return reply.header("etag", tagOf(movie)).send(movie);
      },
    );

    app.delete(
      "/movies/:id",
      {
        onRequest,
        schema: {
          operationId: "deleteMovie",
          tags,
          summary: "Remove a movie",
          description: "A movie with showtimes stays.",
          params: MovieParams,
          response: { 204: Gone },
        },
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await movies.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };

const cinemaRoutes =
  ({ cinemas }: Desks): Routes =>
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
        config: { idempotent: true, problems: ["CONFLICT"] },
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
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
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
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await cinemas.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };

const hallRoutes =
  ({ halls }: Desks): Routes =>
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
        config: { idempotent: true, problems: ["CONFLICT"] },
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
            "Another layout counts for showtimes made from now on; those that are there keep the plan that they are sold with. A seat that somebody has a ticket for cannot go.",
          params: HallParams,
          body: ChangedHall,
          response: { 200: HallPlanView },
        },
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
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
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await halls.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };

const showtimeRoutes =
  ({ showtimes }: Desks): Routes =>
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
        config: { idempotent: true, problems: ["CONFLICT"] },
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
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
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
            "Ends the sale. A showtime in which nobody has a seat is gone then; any other stays, as cancelled, and everybody gets the money back.",
          params: ShowtimeParams,
          response: { 204: Gone },
        },
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await showtimes.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };
