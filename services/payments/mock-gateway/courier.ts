import { type Kysely, sql } from "kysely";
import { doubledMs } from "../../../platform/back-off/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { sendText } from "../gateways/http-client.ts";
import type { WebhookKey } from "../webhooks/webhook-key.ts";
import {
  WEBHOOK_ATTEMPTS_MAX,
  WEBHOOK_LEASE_MS,
  WEBHOOK_RETRY_MAX_MS,
  WEBHOOK_RETRY_MS,
  WEBHOOK_TIMEOUT_MS,
  WEBHOOKS_AT_ONCE,
} from "./limits.ts";
import type { MockGatewayTables } from "./tables.ts";

interface Options {
  readonly db: Kysely<MockGatewayTables>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly key: () => WebhookKey;
  /** Where the shop listens; undefined while that is not known. */
  readonly webhookUrl: () => string | undefined;
}

interface Letter {
  readonly id: string;
  readonly body: string;
  readonly copies: number;
  readonly attempts: number;
}

/** Delivers the webhooks that are owed, each until the shop has taken it so often as it is to come. */
export class Courier {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** After a start: what was taken by a process that is gone is due now. What is still on its way comes twice, as webhooks may. */
  async releaseAll(): Promise<void> {
    const { db, clock } = this.#options;
    const now = new Date(clock.now());
    await db.updateTable("webhook").set({ due_at: now }).where("due_at", ">", now).execute();
  }

  /** @returns whether there may be more */
  async deliver(): Promise<boolean> {
    const url = this.#options.webhookUrl();
    if (url === undefined) return false;
    const letters = await this.#take();
    await Promise.all(letters.map((letter) => this.#send(url, letter)));
    return letters.length === WEBHOOKS_AT_ONCE || letters.some(({ copies }) => copies > 1);
  }

  /** Those that are due are this process's for a while. */
  async #take(): Promise<Letter[]> {
    const { db, clock } = this.#options;
    const now = clock.now();
    return db
      .updateTable("webhook")
      .set({ due_at: new Date(now + WEBHOOK_LEASE_MS), attempts: sql`attempts + 1` })
      .where("id", "in", (from) =>
        from
          .selectFrom("webhook")
          .select("id")
          .where("due_at", "<=", new Date(now))
          .orderBy("due_at")
          .limit(WEBHOOKS_AT_ONCE)
          .forUpdate()
          .skipLocked(),
      )
      .returning(["id", "body", "copies", "attempts"])
      .execute();
  }

  async #send(url: string, { id, body, copies, attempts }: Letter): Promise<void> {
    const { db, clock, log, key } = this.#options;
    const sentAt = new Date(clock.now());
    const outcome = await sendText(url, {
      clock,
      timeoutMs: WEBHOOK_TIMEOUT_MS,
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...key().headers(id, sentAt, body) },
    }).catch((error: unknown) => error);
    const taken = typeof outcome === "object" && outcome !== null && "status" in outcome && outcome.status === 204;
    if (!taken) log.info({ webhook: id, attempts, outcome }, "a webhook was not taken");
    const over = taken ? copies === 1 : attempts >= WEBHOOK_ATTEMPTS_MAX;
    const waitMs = taken ? 0 : doubledMs(WEBHOOK_RETRY_MS, attempts - 1, WEBHOOK_RETRY_MAX_MS);
    await db
      .updateTable("webhook")
      .set({ copies: taken ? copies - 1 : copies, due_at: over ? null : new Date(clock.now() + waitMs) })
      .where("id", "=", id)
      .execute();
  }
}
