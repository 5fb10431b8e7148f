/** Requests of a REST load, and what each client puts into them. */
import { messageOf } from "../../platform/explained/index.ts";
import { BenchError, explain } from "../bench-error.ts";

/** A body's `{seat}` is a seat of that client's own, a path's `{hold}` the `holdId` that its last POST was answered with. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: string;
  /** The status of its answer: any other fails the load, since a server that refuses is done sooner. */
  readonly expects: 200 | 201 | 204;
}

export const pathOf = ({ path }: HttpRequest, hold: string): string => path.replace("{hold}", hold);

export const bodyOf = ({ body }: HttpRequest, seat: number): string | undefined =>
  body?.replace("{seat}", String(seat));

export const headersOf = ({ body }: HttpRequest, token: string | undefined): Record<string, string> => ({
  ...(token !== undefined && { authorization: `Bearer ${token}` }),
  ...(body !== undefined && { "content-type": "application/json" }),
});

/** The hold that the answer says was made, if one was. */
export const holdIn = ({ method }: HttpRequest, answer: string): string | undefined =>
  method === "POST" ? /"holdId":"([^"]+)"/.exec(answer)?.[1] : undefined;

/** Why an answer fails the load; undefined where it is as it should be. */
export function whyWrong({ method, path, expects }: HttpRequest, status: number, answer: string): string | undefined {
  return status === expects ? undefined : `${method} ${path} was answered with ${status} and not ${expects}: ${answer}`;
}

/** Why a request without an answer fails the load. */
export function failureOf(thrown: unknown): BenchError {
  const error = explain(thrown);
  if (error instanceof BenchError) return error;
  return new BenchError(`A request of the load failed: ${messageOf(thrown)}.`);
}
