import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import {
  CinemaPage,
  CinemaParams,
  CinemaQuery,
  CinemaWithHalls,
  HallParams,
  HallPlanView,
  Movie,
  MoviePage,
  MovieParams,
  MovieQuery,
  MovieShowtimesQuery,
  Showtime,
  ShowtimePage,
  ShowtimeParams,
  ShowtimeQuery,
} from "../../../proto/rest/index.ts";
import { etagOf, isFresh, type Routes } from "../../../platform/http/index.ts";
import { sendBody } from "../cache/answer-body.ts";
import type { CatalogReader } from "../catalog-reader.ts";
import { POSTER_MAX_AGE_S } from "../limits.ts";
import { drawPoster } from "../posters/poster.ts";
import { tags } from "./tags.ts";

/** What anybody may read. */
export const readingRoutes =
  (reader: CatalogReader): Routes =>
  async (app, options) => {
    await movieRoutes(reader)(app, options);
    await placeRoutes(reader)(app, options);
    await showtimeRoutes(reader)(app, options);
  };

const movieRoutes =
  (reader: CatalogReader): Routes =>
  async (app) => {
    app.get(
      "/movies",
      {
        schema: {
          operationId: "listMovies",
          tags,
          summary: "Search movies; the filters combine",
          querystring: MovieQuery,
          response: { 200: MoviePage },
        },
        config: { conditional: true },
      },
      async (request, reply) => sendBody(request, reply, await reader.movies(request.query)),
    );

    app.get(
      "/movies/:id",
      {
        schema: { operationId: "getMovie", tags, summary: "One movie", params: MovieParams, response: { 200: Movie } },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendBody(request, reply, (await reader.movie(request.params.id)).body),
    );

    app.get(
      "/movies/:id/poster.svg",
      {
        schema: {
          operationId: "getPoster",
          tags,
          summary: "The movie's poster",
          params: MovieParams,
          response: { 200: { description: "A picture.", content: { "image/svg+xml": { schema: Type.String() } } } },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const { subject, art } = await reader.movie(request.params.id);
        return sendPoster(request, reply, drawPoster(subject, art));
      },
    );

    app.get(
      "/movies/:id/showtimes",
      {
        schema: {
          operationId: "listShowtimesOfMovie",
          tags,
          summary: "A movie's showtimes that are still to come, or those of a day",
          params: MovieParams,
          querystring: MovieShowtimesQuery,
          response: { 200: ShowtimePage },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const { movie } = await reader.movie(request.params.id);
        return sendBody(request, reply, await reader.showtimes({ ...request.query, movieId: movie.id }));
      },
    );
  };

const placeRoutes =
  (reader: CatalogReader): Routes =>
  async (app) => {
    app.get(
      "/cinemas",
      {
        schema: {
          operationId: "listCinemas",
          tags,
          summary: "Cinemas by name",
          querystring: CinemaQuery,
          response: { 200: CinemaPage },
        },
        config: { conditional: true },
      },
      async (request, reply) => sendBody(request, reply, await reader.cinemas(request.query)),
    );

    app.get(
      "/cinemas/:id",
      {
        schema: {
          operationId: "getCinema",
          tags,
          summary: "One cinema and its halls",
          params: CinemaParams,
          response: { 200: CinemaWithHalls },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendBody(request, reply, await reader.cinema(request.params.id)),
    );

    app.get(
      "/halls/:id",
      {
        schema: {
          operationId: "getHall",
          tags,
          summary: "One hall, as the layout editor draws it",
          params: HallParams,
          response: { 200: HallPlanView },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendBody(request, reply, await reader.hall(request.params.id)),
    );
  };

const showtimeRoutes =
  (reader: CatalogReader): Routes =>
  async (app) => {
    app.get(
      "/showtimes",
      {
        schema: {
          operationId: "listShowtimes",
          tags,
          summary: "Showtimes that are still to come, or those of a day, by start; the filters combine",
          querystring: ShowtimeQuery,
          response: { 200: ShowtimePage },
        },
        config: { conditional: true },
      },
      async (request, reply) => sendBody(request, reply, await reader.showtimes(request.query)),
    );

    app.get(
      "/showtimes/:id",
      {
        schema: {
          operationId: "getShowtime",
          tags,
          summary: "One showtime and its prices",
          params: ShowtimeParams,
          response: { 200: Showtime },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendBody(request, reply, (await reader.showtime(request.params.id)).body),
    );
  };

function sendPoster(request: FastifyRequest, reply: FastifyReply, svg: string): FastifyReply {
  void reply.header("cache-control", `public, max-age=${POSTER_MAX_AGE_S}`);
  void reply.header("cross-origin-resource-policy", "cross-origin"); // Other pages show it too.
  if (isFresh(request, reply, etagOf(svg))) return reply.code(304).send();
  // Opened by itself, a picture may do nothing but be seen.
  void reply.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  return reply.type("image/svg+xml; charset=utf-8").send(svg);
}
