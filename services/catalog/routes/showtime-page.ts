/** What the page of a showtime is made of, for a hundred thousand people at once: bytes that are ready. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type AnswerTo, type Refusal, showtimeId } from "../../../proto/index.ts";
import { Layout, SeatStatuses, ShowtimeParams, type ShowtimeStatus } from "../../../proto/rest/index.ts";
import { answerTo, type Engine } from "../../../platform/engine-client/index.ts";
import { isFresh, Problem, type Routes, varyOn } from "../../../platform/http/index.ts";
import type { CatalogReader } from "../catalog-reader.ts";
import type { LayoutBody } from "../layout/layout-body.ts";
import { LAYOUT_MAX_AGE_S } from "../limits.ts";
import { SingleFlight } from "../cache/single-flight.ts";
import { tags } from "./tags.ts";

interface Options {
  readonly reader: CatalogReader;
  readonly engine: Engine;
}

const LAYOUT_CACHE_CONTROL = `public, max-age=${LAYOUT_MAX_AGE_S}`;
const JSON_TYPE = "application/json; charset=utf-8";

export const showtimePageRoutes =
  ({ reader, engine }: Options): Routes =>
  async (app) => {
    const views = new SingleFlight(async (id) =>
      seatsBody(id, await answerTo(engine, { type: "view", showtime: showtimeId(id) })),
    );

    app.get(
      "/showtimes/:id/layout",
      {
        schema: {
          operationId: "getLayout",
          tags,
          summary: "Every seat of the hall and the prices of each category",
          params: ShowtimeParams,
          response: { 200: Layout },
        },
        config: { conditional: true, problems: ["NOT_FOUND"] },
      },
      async (request, reply) => sendLayout(request, reply, await reader.layout(request.params.id)),
    );

    app.get(
      "/showtimes/:id/seats",
      {
        schema: {
          operationId: "getSeats",
          tags,
          summary: "The status of every seat just now",
          params: ShowtimeParams,
          response: { 200: SeatStatuses },
        },
        config: { problems: ["NOT_FOUND", "BUSY"] },
      },
      async (request, reply) => {
        const { showtime } = await reader.showtime(request.params.id);
        const body = await views.get(showtime.id);
        if (!Buffer.isBuffer(body)) throw notSeen(body, showtime.status);
        return sendJson(reply.header("cache-control", "no-store"), body);
      },
    );
  };

/** Sends the layout's bytes as they were kept, in gzip for whoever takes it. */
async function sendLayout(request: FastifyRequest, reply: FastifyReply, body: LayoutBody): Promise<FastifyReply> {
  const zip = takesGzip(request.headers["accept-encoding"]);
  varyOn(reply.header("cache-control", LAYOUT_CACHE_CONTROL), "accept-encoding");
  if (isFresh(request, reply, zip ? body.zippedEtag : body.etag)) return reply.code(304).send();
  return zip ? sendJson(reply.header("content-encoding", "gzip"), await body.zipped) : sendJson(reply, body.plain);
}

/** Past the route's serializer, which would write anew what is written already. */
const sendJson = (reply: FastifyReply, json: Buffer): FastifyReply => reply.type(JSON_TYPE).send(json);

/** RFC 9110, 12.5.3, as far as one encoding goes. */
const takesGzip = (accepted: string | string[] | undefined): boolean =>
  accepted !== undefined &&
  [accepted]
    .flat()
    .some((list) => list.split(",").some((each) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(each)));

/** The answer as JSON, or the engine's refusal; one character per seat: its `SeatStatus`. */
function seatsBody(id: string, view: AnswerTo<"view"> | Refusal): Buffer | Refusal {
  if (view.type === "refused") return view;
  const { epoch, seq } = view;
  const statuses = Buffer.from(view.statuses.map((status) => status + 0x30)).toString("latin1");
  return Buffer.from(JSON.stringify({ showtimeId: id, epoch, seq, statuses }));
}

/** The catalogue knows the showtime, so an engine that does not has only not been told yet, unless its sale was over before. */
function notSeen({ code, message, retryInMs }: Refusal, status: ShowtimeStatus): Problem {
  if (code !== "NOT_FOUND") return new Problem(code, message, retryInMs === undefined ? {} : { retryInMs });
  if (status === "closed" || status === "cancelled")
    return new Problem("NOT_FOUND", "This showtime's seats were never on sale, or it was over more than a day ago.");
  return new Problem("UNAVAILABLE", "The sale of this showtime is being opened.");
}
