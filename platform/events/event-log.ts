import type { Pool } from "pg";
import type { DomainEvent } from "../../proto/index.ts";

export interface LoggedEvent {
  /** The schema whose outbox has it. */
  readonly schema: string;
  readonly event: DomainEvent;
  readonly createdAt: Date;
  /** Null while it is still to be published. */
  readonly publishedAt: Date | null;
}

export interface OutboxLag {
  readonly schema: string;
  /** Events that are still to be published. */
  readonly rows: number;
  /** Age of the oldest of them, seconds; 0 when there is none. */
  readonly ageSeconds: number;
}

interface Filter {
  readonly subject?: string | undefined;
  readonly type?: string | undefined;
  readonly since?: Date | undefined;
  readonly limit: number;
}

/** What all outboxes of a database hold, for people and for metrics. */
export class EventLog {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The newest that fit, oldest of them first. */
  async read({ subject, type, since, limit }: Filter): Promise<LoggedEvent[]> {
    const rows = await this.#ofEach<LoggedEvent>(
      (schema) => `(
        select '${schema}' as schema, id, event, created_at as "createdAt", published_at as "publishedAt"
        from "${schema}".outbox
        where ($1::text is null or subject = $1) and ($2::text is null or type = $2)
          and ($3::timestamptz is null or created_at >= $3)
        order by created_at desc, id desc limit $4)`,
      `order by "createdAt" desc, schema, id desc limit $4`,
      [subject ?? null, type ?? null, since ?? null, limit],
    );
    return rows
      .map(({ schema, event, createdAt, publishedAt }) => ({ schema, event, createdAt, publishedAt }))
      .reverse();
  }

  /** Whether the database has an outbox at all: somebody has migrated it. */
  async isThere(): Promise<boolean> {
    return (await this.#schemas()).length > 0;
  }

  lags(): Promise<OutboxLag[]> {
    return this.#ofEach<OutboxLag>(
      (schema) => `
        select '${schema}' as schema, count(*)::int as rows,
          coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "ageSeconds"
        from "${schema}".outbox where published_at is null`,
      "",
      [],
    );
  }

  async #ofEach<Row extends object>(
    select: (schema: string) => string,
    tail: string,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const schemas = await this.#schemas();
    if (schemas.length === 0) return [];
    const { rows } = await this.#pool.query<Row>(
      `select * from (${schemas.map(select).join(" union all ")}) as each ${tail}`,
      [...values],
    );
    return rows;
  }

  /** Whatever has a table like that of `outboxMigration`, if its name is one that needs no quoting. */
  async #schemas(): Promise<string[]> {
    const { rows } = await this.#pool.query<{ name: string }>(
      `select table_schema as name from information_schema.columns
       where table_name = 'outbox' and column_name = 'published_at' and table_schema ~ '^[a-z_]+$' order by 1`,
    );
    return rows.map(({ name }) => name);
  }
}
