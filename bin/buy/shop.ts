import { Refused, Unreachable } from "../../client/index.ts";
import { isErrorCode } from "../../proto/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

interface Asked {
  readonly token?: string | undefined;
  readonly body?: unknown;
}

interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, GraphqlResult | null>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

interface GraphqlResult {
  readonly success: boolean;
  readonly code?: string | null;
  readonly message: string;
}

/**
 * The public interfaces as any client without our SDK meets them: JSON over HTTP.
 * All methods reject with `Refused` for a refusal that the server names, and with `Unreachable` when there is no answer.
 */
export class Shop {
  readonly #origin: string;
  readonly #newKey: () => string;

  /** @param newKey a new Idempotency-Key for each request that costs something */
  constructor(url: string, newKey: () => string) {
    this.#origin = new URL(url).origin;
    this.#newKey = newKey;
  }

  get<Answer>(path: string, token?: string): Promise<Answer> {
    return this.#json("GET", `/api/v1/${path}`, { token });
  }

  post<Answer>(path: string, asked: Asked = {}): Promise<Answer> {
    return this.#json("POST", `/api/v1/${path}`, { body: {}, ...asked });
  }

  async delete(path: string, token: string): Promise<void> {
    await this.#send("DELETE", `/api/v1/${path}`, { token });
  }

  /** @throws ExplainedError when it is of another type */
  async file(path: string, type: string, token: string): Promise<Uint8Array> {
    const response = await this.#send("GET", `/api/v1/${path}`, { token });
    const got = response.headers.get("content-type") ?? "nothing";
    if (!got.startsWith(type)) throw new ExplainedError(`${path} should be ${type}, and is ${got}.`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The one field of a GraphQL operation. */
  async graphql<Answer extends object>(
    query: string,
    variables: object,
    token: string,
  ): Promise<Answer & GraphqlResult> {
    const { data, errors } = await this.#json<GraphqlAnswer>("POST", "/graphql", { token, body: { query, variables } });
    const [result] = Object.values(data ?? {});
    const [error] = errors ?? [];
    if (error !== undefined) throw refused(error.extensions?.code, error.message);
    if (result === undefined || result === null) throw new ExplainedError("GraphQL answered without data.");
    if (!result.success) throw refused(result.code, result.message);
    // The cast: the query names the fields that the type has.
    return result as Answer & GraphqlResult;
  }

  async #json<Answer>(method: string, path: string, asked: Asked): Promise<Answer> {
    const response = await this.#send(method, path, asked);
    // The cast: the server holds its answers against the schemas that these types come from.
    return (await response.json()) as Answer;
  }

  async #send(method: string, path: string, { token, body }: Asked): Promise<Response> {
    const response = await fetch(this.#origin + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json", "idempotency-key": this.#newKey() }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new Unreachable(this.#origin, cause);
    });
    if (response.ok) return response;
    const problem: unknown = await response.json().catch(() => undefined);
    if (typeof problem !== "object" || problem === null || !("code" in problem)) {
      throw new Unreachable(this.#origin, new Error(`${method} ${path} was answered with ${response.status}`));
    }
    throw refused(problem.code, "detail" in problem ? problem.detail : undefined);
  }
}

function refused(code: unknown, message: unknown): Refused {
  const known = typeof code === "string" && isErrorCode(code) ? code : "INTERNAL";
  return new Refused(known, typeof message === "string" ? message : "the server says no");
}
