/** The REST scenarios by NestJS. Environment: DATABASE_URL, PLATFORM ("express" or "fastify"), PORT. */
import "reflect-metadata";
import { Body, Controller, Delete, Get, Headers, Inject, Param, Post, Query, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { announce } from "../front/announce.ts";
import { type Answer, BoxOfficeRest } from "./box-office-rest.ts";
import type { PageQuery, Ready } from "./catalogue.ts";

/** As far as Express and Fastify agree. */
interface Response {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body?: unknown): unknown;
}

/** As Usher's: caches may keep the answer, and ask each time whether it still holds. */
const ASK_AGAIN = "public, max-age=0, must-revalidate";
const JSON_TYPE = "application/json; charset=utf-8";

class RestController {
  readonly #office: BoxOfficeRest;

  constructor(office: BoxOfficeRest) {
    this.#office = office;
  }

  guest(response: Response): unknown {
    return send(response, this.#office.guest());
  }

  movies(query: PageQuery, known: string | undefined, response: Response): void {
    sendReady(response.header("cache-control", ASK_AGAIN), known, this.#office.movies(query));
  }

  showtimes(query: PageQuery, known: string | undefined, response: Response): void {
    sendReady(response.header("cache-control", ASK_AGAIN), known, this.#office.showtimes(query));
  }

  showtime(id: string, known: string | undefined, response: Response): void {
    sendReady(response.header("cache-control", ASK_AGAIN), known, this.#office.showtime(id));
  }

  layout(id: string, known: string | undefined, response: Response): void {
    response.header("cache-control", "public, max-age=60").header("vary", "accept-encoding");
    sendReady(response, known, this.#office.layout(id));
  }

  async seats(id: string, response: Response): Promise<void> {
    const body = await this.#office.seats(id);
    if (body === undefined) response.status(404).send();
    else response.header("cache-control", "no-store").header("content-type", JSON_TYPE).send(body);
  }

  async hold(id: string, body: unknown, authorization: string | undefined, response: Response): Promise<unknown> {
    return send(response, await this.#office.hold(id, body, authorization));
  }

  async release(id: string, authorization: string | undefined, response: Response): Promise<unknown> {
    return send(response, await this.#office.release(id, authorization));
  }
}

function send(response: Response, { status, body }: Answer): unknown {
  response.status(status);
  return body;
}

function sendReady(response: Response, known: string | undefined, ready: Ready | undefined): void {
  if (ready === undefined) return void response.status(404).send();
  response.header("etag", ready.etag);
  if (known === ready.etag) response.status(304).send();
  else response.header("content-type", JSON_TYPE).send(ready.body);
}

/** What TypeScript would write for decorators, which do not come off with the types alone. */
function route(name: keyof RestController, method: MethodDecorator, ...parameters: ParameterDecorator[]): void {
  const { prototype } = RestController;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) throw new TypeError(`there is no ${name}`);
  method(prototype, name, descriptor);
  for (const [index, parameter] of parameters.entries()) parameter(prototype, name, index);
}

const response = Res({ passthrough: true });
/** The response itself and not passed through: what is sent by it is bytes already. */
const whole = Res();
const authorization = Headers("authorization");
const known = Headers("if-none-match");
Controller("api/v1")(RestController);
Inject(BoxOfficeRest)(RestController, undefined, 0);
route("guest", Post("auth/guest"), response);
route("movies", Get("movies"), Query(), known, whole);
route("showtimes", Get("showtimes"), Query(), known, whole);
route("showtime", Get("showtimes/:id"), Param("id"), known, whole);
route("layout", Get("showtimes/:id/layout"), Param("id"), known, whole);
route("seats", Get("showtimes/:id/seats"), Param("id"), whole);
route("hold", Post("showtimes/:id/holds"), Param("id"), Body(), authorization, response);
route("release", Delete("holds/:id"), Param("id"), authorization, response);

// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class.
class RestModule {}
const office = await BoxOfficeRest.open(process.env["DATABASE_URL"] ?? "");
const application = {
  module: RestModule,
  controllers: [RestController],
  providers: [{ provide: BoxOfficeRest, useValue: office }],
};
const app = await NestFactory.create(application, adapter(process.env["PLATFORM"]), { logger: ["error"] });
await app.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1");
const server = app.getHttpServer() as Server; // The cast: of both platforms.
announce((server.address() as AddressInfo).port); // The cast: it listens on TCP.

function adapter(platform: string | undefined): ExpressAdapter | FastifyAdapter {
  if (platform === "fastify") return new FastifyAdapter();
  const express = new ExpressAdapter();
  // What has one is kept with it: Express would hash each answer anew.
  express.set("etag", false);
  express.disable("x-powered-by");
  return express;
}
