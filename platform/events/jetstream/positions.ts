import { type JsMsg, PubHeaders } from "@nats-io/jetstream";
import type { Pool } from "pg";

/** The last event that a consumer was given. */
export interface Position {
  readonly seq: number;
  readonly messageId: string;
}

/** How far each consumer has come, kept in PostgreSQL: whoever takes its events next sees whether the stream is as it was. */
export class Positions {
  readonly #pool: Pool;
  readonly #unsaved = new Map<string, JsMsg>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  note(consumer: string, message: JsMsg): void {
    this.#unsaved.set(consumer, message);
  }

  async of(consumer: string): Promise<Position | undefined> {
    const unsaved = this.#unsaved.get(consumer);
    if (unsaved !== undefined) return { seq: unsaved.seq, messageId: messageIdOf(unsaved) };
    const { rows } = await this.#pool.query<{ seq: string; message_id: string }>(
      "select seq, message_id from events.position where consumer = $1",
      [consumer],
    );
    return rows[0] && { seq: Number(rows[0].seq), messageId: rows[0].message_id };
  }

  async save(): Promise<void> {
    const noted = [...this.#unsaved];
    if (noted.length === 0) return;
    await this.#pool.query({
      name: "save-positions",
      text: `insert into events.position (consumer, seq, message_id) select * from unnest($1::text[], $2::bigint[], $3::text[])
             on conflict (consumer) do update set seq = excluded.seq, message_id = excluded.message_id`,
      values: [
        noted.map(([consumer]) => consumer),
        noted.map(([, { seq }]) => seq),
        noted.map(([, message]) => messageIdOf(message)),
      ],
    });
    for (const [consumer, message] of noted) {
      if (this.#unsaved.get(consumer) === message) this.#unsaved.delete(consumer);
    }
  }
}

const messageIdOf = ({ headers }: JsMsg): string => headers?.get(PubHeaders.MsgIdHdr) ?? "";
