import { ChangedMovie, Movie, MovieParams, NewMovie } from "../../../../proto/rest/index.ts";
import { requireRole, type Routes } from "../../../../platform/http/index.ts";
import type { MovieDesk } from "../../admin/movie-desk.ts";
import { tags } from "../tags.ts";
import { expectedOf, Gone, tagOf } from "./answers.ts";

const onRequest = requireRole("admin");

export const movieRoutes =
  (movies: MovieDesk): Routes =>
  async (app) => {
    app.post(
      "/movies",
      {
        onRequest,
        schema: { operationId: "createMovie", tags, summary: "Add a movie", body: NewMovie, response: { 201: Movie } },
        config: { idempotent: true, problems: ["CONFLICT"], sends: ["Location", "ETag"] },
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
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
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
        config: { conditional: true, problems: ["NOT_FOUND", "CONFLICT"] },
      },
      async (request, reply) => {
        await movies.remove(request.params.id, request.headers["if-match"]);
        return reply.code(204).send(null);
      },
    );
  };
