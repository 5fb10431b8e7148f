import type { Clock } from "../../platform/clock/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { Routes } from "../http/index.ts";
import type { Engine } from "./holds.ts";
import { holdRoutes } from "./routes.ts";

export interface BookingsOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface BookingsService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Holds live in the engine alone, so there is nothing to start or to stop yet. */
export const createBookingsService = (options: BookingsOptions): BookingsService => ({
  routes: holdRoutes(options),
  async start() {},
  async stop() {},
});
