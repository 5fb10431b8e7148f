import type { FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { type Query, type Reply, showtimeId } from "../../proto/index.ts";
import {
  AnyIdParams,
  CinemaPage,
  CinemaWithHalls,
  Layout,
  Movie,
  MoviePage,
  MovieQuery,
  MovieShowtimesQuery,
  PageQuery,
  SeatStatuses,
  Showtime,
  ShowtimePage,
  ShowtimeQuery,
  type ShowtimeStatus,
} from "../../proto/rest/index.ts";
import { etagOf, isFresh, Problem, type Routes } from "../http/index.ts";
import type { CatalogReader, LayoutBody } from "./catalog-reader.ts";
import { LAYOUT_MAX_AGE_S, POSTER_MAX_AGE_S } from "./limits.ts";
import { drawPoster } from "./posters/poster.ts";

interface Options {
  readonly reader: CatalogReader;
  readonly engine: { ask(query: Query): Promise<Reply> };
}

/** Programmes change; whoever shows one may keep it for a moment. */
const BRIEFLY = "public, max-age=5";

const tags = ["catalogue"];

export const catalogRoutes =
  ({ reader, engine }: Options): Routes =>
  async (app) => {
    app.get(
      "/movies",
      {
        schema: {
          operationId: "listMovies",
          tags,
          summary: "Movies by title; the filters combine",
          querystring: MovieQuery,
          response: { 200: MoviePage },
        },
      },
      async (request, reply) => {
        void reply.header("cache-control", BRIEFLY);
        return reader.movies(request.query);
      },
    );

    app.get(
      "/movies/:id",
      {
        schema: { operationId: "getMovie", tags, summary: "One movie", params: AnyIdParams, response: { 200: Movie } },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const { movie } = await reader.movie(request.params.id);
        void reply.header("cache-control", BRIEFLY);
        return movie;
      },
    );

    app.get(
      "/movies/:id/poster.svg",
      {
        schema: { operationId: "getPoster", tags, summary: "The movie's poster, an SVG picture", params: AnyIdParams },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const { subject, art } = await reader.movie(request.params.id);
        const svg = drawPoster(subject, art);
        void reply.header("cache-control", `public, max-age=${POSTER_MAX_AGE_S}`);
        if (isFresh(request, reply, etagOf(svg))) return reply.code(304).send();
        // Opened by itself, a picture may do nothing but be seen.
        void reply.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
        return reply.type("image/svg+xml; charset=utf-8").send(svg);
      },
    );

    app.get(
      "/movies/:id/showtimes",
      {
        schema: {
          operationId: "listShowtimesOfMovie",
          tags,
          summary: "A movie's showtimes that are still to come, or those of a day",
          params: AnyIdParams,
          querystring: MovieShowtimesQuery,
          response: { 200: ShowtimePage },
        },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const { movie } = await reader.movie(request.params.id);
        void reply.header("cache-control", BRIEFLY);
        return reader.showtimes({ ...request.query, movieId: movie.id });
      },
    );

    app.get(
      "/cinemas",
      {
        schema: {
          operationId: "listCinemas",
          tags,
          summary: "Cinemas by name",
          querystring: PageQuery,
          response: { 200: CinemaPage },
        },
      },
      async (request, reply) => {
        void reply.header("cache-control", BRIEFLY);
        return reader.cinemas(request.query);
      },
    );

    app.get(
      "/cinemas/:id",
      {
        schema: {
          operationId: "getCinema",
          tags,
          summary: "One cinema and its halls",
          params: AnyIdParams,
          response: { 200: CinemaWithHalls },
        },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const cinema = await reader.cinema(request.params.id);
        void reply.header("cache-control", BRIEFLY);
        return cinema;
      },
    );

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
      },
      async (request, reply) => {
        void reply.header("cache-control", BRIEFLY);
        return reader.showtimes(request.query);
      },
    );

    app.get(
      "/showtimes/:id",
      {
        schema: {
          operationId: "getShowtime",
          tags,
          summary: "One showtime and its prices",
          params: AnyIdParams,
          response: { 200: Showtime },
        },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => {
        const showtime = await reader.showtime(request.params.id);
        void reply.header("cache-control", BRIEFLY);
        return showtime;
      },
    );

    app.get(
      "/showtimes/:id/layout",
      {
        schema: {
          operationId: "getLayout",
          tags,
          summary: "Every seat of the hall and the price of each category",
          params: AnyIdParams,
          response: { 200: Layout },
        },
        config: { problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendLayout(request, reply, reader, await reader.layout(request.params.id)),
    );

    app.get(
      "/showtimes/:id/seats",
      {
        schema: {
          operationId: "getSeats",
          tags,
          summary: "The status of every seat just now",
          params: AnyIdParams,
          response: { 200: SeatStatuses },
        },
        config: { problems: ["NOT_FOUND", "BUSY"] },
      },
      async (request, reply) => {
        const { id, status } = await reader.showtime(request.params.id);
        const view = await engine.ask({ type: "view", showtime: showtimeId(id) });
        void reply.header("cache-control", "no-store");
        if (view.type === "view")
          return { showtimeId: id, epoch: view.epoch, seq: view.seq, statuses: digitsOf(view.statuses) };
        throw notSeen(view, status);
      },
    );
  };

/** Sends the layout's bytes as they were kept, in gzip for whoever takes it. */
async function sendLayout(
  request: FastifyRequest,
  reply: FastifyReply,
  reader: CatalogReader,
  body: LayoutBody,
): Promise<FastifyReply> {
  const zip = takesGzip(request.headers["accept-encoding"]);
  void reply.header("cache-control", `public, max-age=${LAYOUT_MAX_AGE_S}`).header("vary", "accept-encoding");
  // A strong tag names bytes, so each encoding has its own.
  if (isFresh(request, reply, etagOf(zip ? `${body.hash} gzip` : body.hash))) return reply.code(304).send();
  void reply.type("application/json; charset=utf-8");
  if (zip) return reply.header("content-encoding", "gzip").send(await reader.compressed(body));
  const length = body.parts.reduce((sum, part) => sum + part.length, 0);
  return reply.header("content-length", length).send(Readable.from(body.parts));
}

/** RFC 9110, 12.5.3, as far as one encoding goes. */
const takesGzip = (accepted: string | string[] | undefined): boolean =>
  [accepted ?? ""]
    .flat()
    .some((list) => list.split(",").some((each) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(each)));

/** One character a seat: its `SeatStatus`. */
const digitsOf = (statuses: Uint8Array): string =>
  Buffer.from(statuses.map((status) => status + 0x30)).toString("latin1");

/** The catalogue knows the showtime, so an engine that does not has only not been told yet, unless its sale was over before. */
function notSeen(reply: Reply, status: ShowtimeStatus): Problem {
  if (reply.type !== "refused") throw new TypeError(`a view was answered with ${reply.type}`);
  const { code, message, retryInMs } = reply;
  if (code !== "NOT_FOUND") return new Problem(code, message, retryInMs === undefined ? {} : { retryInMs });
  if (status === "closed" || status === "cancelled")
    return new Problem("NOT_FOUND", "This showtime's seats were never on sale.");
  return new Problem("UNAVAILABLE", "The sale of this showtime is being opened.");
}
