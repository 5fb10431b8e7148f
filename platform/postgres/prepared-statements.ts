import { hash } from "node:crypto";
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import { DatabaseError, type Pool, type PoolClient } from "pg";

/** Statements of one database object that get a name; those beyond are parsed and planned each time. The services have some hundred. */
const NAMES_MAX = 500;

/** PostgreSQL's answer, before it does anything, when a migration has changed what a prepared statement gives back. */
const OUTDATED = "0A000";

/**
 * A pool as Kysely wants it. On its connections a statement with parameters is prepared when it first comes; from then on it is neither parsed nor,
 * as a rule, planned again, which is most of what PostgreSQL spends on a short one.
 */
export class PreparedStatements implements PostgresPool {
  readonly #pool: Pool;
  readonly #names = new Map<string, string>();
  readonly #clients = new WeakMap<PoolClient, PreparedClient>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect();
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const prepared = new PreparedClient(client, (text) => this.#nameOf(text));
    this.#clients.set(client, prepared);
    return prepared;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  /** Made of the text, since other database objects have the same connections. */
  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= NAMES_MAX) return known;
    const name = hash("sha256", text, "base64url");
    this.#names.set(text, name);
    return name;
  }
}

class PreparedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #nameOf: (text: string) => string | undefined;
  #isOutdated = false;

  constructor(client: PoolClient, nameOf: (text: string) => string | undefined) {
    this.#client = client;
    this.#nameOf = nameOf;
  }

  query<Row>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  query<Row>(
    text: string | PostgresCursor<Row>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof text !== "string") throw new TypeError("there are no cursors here");
    return this.#query(text, [...values]) as Promise<PostgresQueryResult<Row>>; // Kysely says what its statements give back.
  }

  release(): void {
    this.#client.release(this.#isOutdated); // The connection in its place prepares anew.
  }

  async #query(text: string, values: unknown[]): Promise<unknown> {
    const name = values.length === 0 || this.#isOutdated ? undefined : this.#nameOf(text);
    if (name === undefined) return this.#client.query(text, values);
    try {
      return await this.#client.query({ name, text, values });
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== OUTDATED) throw error;
      this.#isOutdated = true;
      return this.#client.query(text, values); // Fails, too, in a transaction, which is void then.
    }
  }
}
