import { ERRORS } from "../proto/index.ts";
import type { ErrorCode } from "../proto/index.ts";

export interface RefusedDetails {
  readonly rid?: string | undefined;
  readonly seats?: readonly number[] | undefined;
  readonly retryInMs?: number | undefined;
  readonly cause?: unknown;
}

/** The server said no, or could not be asked in time. `code` is the stable part; `message` is for people. */
export class Refused extends Error {
  readonly code: ErrorCode;
  /** Sending the same request with this rid again gets the first answer, whatever became of it. */
  readonly rid: string | undefined;
  /** The seats that stood in the way, when the code names seats; else empty. */
  readonly seats: readonly number[];
  readonly retryInMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: RefusedDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "Refused";
    this.code = code;
    this.rid = details.rid;
    this.seats = details.seats ?? [];
    this.retryInMs = details.retryInMs;
  }

  /** Whether the same request may succeed later by itself. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/**
 * The client is closed, by `close()`, by a server that does not want it back (`code` 1008, 1009, 4500-4999), or because the program may open no
 * WebSocket to this URL (1008).
 */
export class ClientClosed extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`the connection is closed for good: ${reason === "" ? "no reason given" : reason} (${code})`);
    this.name = "ClientClosed";
    this.code = code;
  }
}
