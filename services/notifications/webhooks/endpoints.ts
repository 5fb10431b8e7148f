import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import { type Clock, within } from "../../../platform/clock/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type {
  ChangeWebhookBody,
  Page,
  PageQuery,
  RegisterWebhookBody,
  Webhook,
  WebhookRegistered,
  WebhookSecret,
} from "../../../proto/rest/index.ts";
import { pageByTime, Problem } from "../../../platform/http/index.ts";
import { type AddressGuard, AddressRefused } from "./address-guard.ts";
import { FAILED_FOR_DAYS } from "./deliveries.ts";
import { GIVE_UP_AFTER_MS, PREVIOUS_SECRET_MS, PRUNE_ROWS_MAX, REGISTER_LOOKUP_MS, WEBHOOKS_MAX } from "./limits.ts";
import { newSecret } from "./signature.ts";
import type { WebhookTable, WebhookTables } from "./tables.ts";

interface Options {
  readonly db: Kysely<WebhookTables>;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The registered webhooks. Every method with an id throws Problem NOT_FOUND where there is none of that id. */
export class Endpoints {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws Problem BAD_MESSAGE for an address that webhooks may not go to, LIMIT_REACHED */
  async register(body: RegisterWebhookBody): Promise<WebhookRegistered> {
    const { db, random } = this.#options;
    await this.#requirePermitted(body.url);
    const { count } = await db
      .selectFrom("webhook")
      .select(({ fn }) => fn.countAll<string>().as("count"))
      .executeTakeFirstOrThrow();
    if (Number(count) >= WEBHOOKS_MAX)
      throw new Problem("LIMIT_REACHED", `There are ${WEBHOOKS_MAX} webhooks already.`);
    const secret = newSecret(random);
    const now = this.#now();
    const row = await db
      .insertInto("webhook")
      .values({
        id: newId("wh", random),
        url: body.url,
        types: [...body.types],
        description: body.description ?? null,
        secret,
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { ...webhookOf(row), secret };
  }

  /** Newest first. */
  async list(query: PageQuery): Promise<Page<Webhook>> {
    return pageByTime(this.#options.db.selectFrom("webhook").selectAll(), query, "desc", webhookOf);
  }

  /** How many do not take their deliveries, or were disabled for it. Not what somebody has paused, nor who has answered 410. */
  async countFailing(): Promise<number> {
    const { count } = await this.#options.db
      .selectFrom("webhook")
      .select(({ fn }) => fn.countAll<string>().as("count"))
      .where("failing_since", "is not", null)
      .where(({ eb, or }) => or([eb("disabled_reason", "is", null), eb("disabled_reason", "=", FAILED_FOR_DAYS)]))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async find(id: string): Promise<Webhook> {
    return webhookOf(found(await this.#select(this.#options.db, id)));
  }

  /** @throws Problem BAD_MESSAGE for an address that webhooks may not go to */
  async change(id: string, body: ChangeWebhookBody): Promise<Webhook> {
    await this.find(id);
    await this.#requirePermitted(body.url);
    const enabled = body.enabled ?? true;
    const row = await this.#options.db.transaction().execute(async (transaction) => {
      if (enabled) await this.#beginAnew(transaction, id);
      return transaction
        .updateTable("webhook")
        .set({
          url: body.url,
          types: [...body.types],
          description: body.description ?? null,
          updated_at: this.#now(),
          ...(enabled ? { disabled_reason: null, failing_since: null } : { disabled_reason: "Paused." }),
        })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst();
    });
    return webhookOf(found(row));
  }

  /** The time in which nothing was sent counts for nothing: what waits at a disabled webhook is due now, and has its three days before it. */
  async #beginAnew(transaction: Transaction<WebhookTables>, id: string): Promise<void> {
    const now = this.#now();
    const giveUpAt = new Date(now.getTime() + GIVE_UP_AFTER_MS);
    await sql`
      update notifications.webhook_delivery d
      set next_attempt_at = ${now},
        give_up_at = case when d.give_up_at > d.created_at then ${giveUpAt}::timestamptz else d.give_up_at end -- Else it is a single one.
      from notifications.webhook w
      where w.id = ${id} and w.disabled_reason is not null and d.webhook_id = w.id and d.status = 'pending'`.execute(
      transaction,
    );
  }

  /**
   * Its log goes first, and a part at a time: the last statement keeps all that is told to any webhook waiting while it deletes. Broken off, it
   * goes on when it is asked again.
   */
  async remove(id: string): Promise<void> {
    const disabled = { disabled_reason: "It is being deleted.", updated_at: this.#now() };
    const { numUpdatedRows } = await this.#options.db
      .updateTable("webhook")
      .set(disabled)
      .where("id", "=", id)
      .executeTakeFirst();
    found(numUpdatedRows > 0n ? id : undefined);
    while (await this.#removeSomeDeliveries(id));
    const { numDeletedRows } = await this.#options.db.deleteFrom("webhook").where("id", "=", id).executeTakeFirst();
    found(numDeletedRows > 0n ? id : undefined);
  }

  /** In their order, so that who does the same beside waits, and neither for the other. @returns whether there may be more */
  async #removeSomeDeliveries(webhookId: string): Promise<boolean> {
    const { numDeletedRows } = await this.#options.db
      .deleteFrom("webhook_delivery")
      .where("id", "in", (some) =>
        some
          .selectFrom("webhook_delivery")
          .select("id")
          .where("webhook_id", "=", webhookId)
          .orderBy("created_at")
          .orderBy("id")
          .limit(PRUNE_ROWS_MAX)
          .forUpdate(),
      )
      .executeTakeFirst();
    return numDeletedRows >= BigInt(PRUNE_ROWS_MAX);
  }

  /** The secret until now goes on signing for a day; one that was replaced before it no more. */
  async rotateSecret(id: string): Promise<WebhookSecret> {
    const { db, random } = this.#options;
    const secret = newSecret(random);
    const now = this.#now();
    const until = new Date(now.getTime() + PREVIOUS_SECRET_MS);
    const row = await db
      .updateTable("webhook")
      .set(({ ref }) => ({ previous_secret: ref("secret"), previous_until: until, secret, updated_at: now }))
      .where("id", "=", id)
      .returning("id")
      .executeTakeFirst();
    found(row);
    return { secret, previousUntil: until.toISOString() };
  }

  #select(db: Kysely<WebhookTables> | Transaction<WebhookTables>, id: string) {
    return db.selectFrom("webhook").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /** A name that nobody can look up just now is judged when it is sent to. */
  async #requirePermitted(text: string): Promise<void> {
    const refuse = (why: string): never => {
      throw new Problem("BAD_MESSAGE", why, { field: "body.url" });
    };
    const url = URL.canParse(text) ? new URL(text) : refuse("This is not an address.");
    if (url.username !== "" || url.password !== "") refuse("The address must not hold a user or a password.");
    if (url.hash !== "") refuse("The address must not have a fragment.");
    const { clock, guard } = this.#options;
    const judged = guard.addressesOf(url).catch((error: unknown) => {
      if (error instanceof AddressRefused) refuse(error.message);
    });
    await within(clock, REGISTER_LOOKUP_MS, judged, () => undefined);
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }
}

function found<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Problem("NOT_FOUND", "There is no such webhook.");
  return row;
}

const webhookOf = (row: Selectable<WebhookTable>): Webhook => ({
  id: row.id,
  url: row.url,
  types: row.types,
  description: row.description,
  enabled: row.disabled_reason === null,
  disabledReason: row.disabled_reason,
  failingSince: row.failing_since?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
