import { hash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import { type Revocation, REVOCATIONS_PAGE, REVOKED } from "../../../proto/services/index.ts";
import type { Bus } from "../../../platform/bus/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Config } from "../../../platform/config/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { FAMILIES_KEPT_MS, PRUNE_ROWS_MAX, REFRESH_REPLAY_MS, TOKEN_SIGNED_WITHIN_MS } from "../limits.ts";
import type { IdentityTables } from "../tables.ts";
import { formatRefreshToken, parseRefreshToken, type RefreshToken } from "./refresh-token.ts";

export interface FamilyOptions {
  readonly db: Kysely<IdentityTables>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly config: Pick<Config, "accessTokenTtlMs" | "guestTokenTtlMs" | "refreshTokenTtlMs">;
  readonly keyRing: () => KeyRing;
}

export interface Refreshed {
  readonly userId: string;
  readonly family: string;
  readonly refreshToken: string;
}

/** The row of a sign-in that is about to be written, but for whose it is. */
export interface NewFamily {
  readonly id: string;
  readonly rotated_at: Date;
  readonly expires_at: Date;
  readonly tokens_until: Date;
}

/**
 * Families of tokens, one a sign-in; whoever's family is revoked is signed out. Those of people have refresh tokens, with
 * rotation and detection of reuse (RFC 9700, 4.14.2): each token is good once, and one that comes again has been stolen from
 * somebody, so the whole family ends.
 *
 * A reply can get lost, though. A client that sent an Idempotency-Key may ask again with the same one, for a minute and
 * while the successor is unused, and gets the same successor. A thief who has the token lacks the key, which is why time
 * alone is not enough to excuse a token that comes twice.
 */
export class Families {
  readonly #options: FamilyOptions;

  constructor(options: FamilyOptions) {
    this.#options = options;
  }

  /** A family of a guest or a device, who get no refresh token: it ends with its access token. */
  brief(whose: "guest" | "device"): NewFamily {
    const { random, config } = this.#options;
    const tokens_until = this.#tokensUntil(whose === "guest" ? config.guestTokenTtlMs : config.accessTokenTtlMs);
    return { id: newId("fam", random), rotated_at: this.#now(), expires_at: tokens_until, tokens_until };
  }

  /** A family of somebody who proved to be who they are. */
  lasting(): NewFamily {
    const { clock, random, config } = this.#options;
    return {
      id: newId("fam", random),
      rotated_at: this.#now(),
      expires_at: new Date(clock.now() + config.refreshTokenTtlMs),
      tokens_until: this.#tokensUntil(config.accessTokenTtlMs),
    };
  }

  firstRefreshToken(family: string): string {
    return this.#format({ family, generation: 0 });
  }

  /** @throws Problem UNAUTHORIZED; when the token had been used before, its family is revoked first */
  async refresh(text: string, idempotencyKey: string | undefined): Promise<Refreshed> {
    const token = this.#parse(text);
    if (token === undefined) throw unusable();
    const rotatedWith = idempotencyKey === undefined ? null : keyHash(idempotencyKey);
    const userId = (await this.#rotate(token, rotatedWith)) ?? (await this.#repeat(token, rotatedWith));
    const next = { family: token.family, generation: token.generation + 1 };
    return { userId, family: token.family, refreshToken: this.#format(next) };
  }

  /** Signs out whoever holds this refresh token, or any of its family. One that is not ours is gone already. */
  async revokeByToken(text: string): Promise<void> {
    const token = this.#parse(text);
    if (token !== undefined) await this.revoke(token.family);
  }

  async revoke(family: string): Promise<void> {
    this.announce(await this.#revokeWhere(sql`id = ${family}`, this.#options.db));
  }

  /**
   * Signs a user out everywhere, save in the family to `keep`.
   * @param transaction of what the user is signed out for. @returns what to `announce` once it has committed
   */
  async revokeAll(
    userId: string,
    transaction: Kysely<IdentityTables>,
    { keep }: { keep?: string } = {},
  ): Promise<Revocation[]> {
    return this.#revokeWhere(sql`user_id = ${userId} and id is distinct from ${keep ?? null}`, transaction);
  }

  /**
   * Room for one more of a user who has `max`, as many as may be: ended ones are forgotten first, then those that were used longest ago. None
   * whose tokens are still good, for every process would have to remember that it was revoked until they have run out. Waits for nobody
   * who is just at one of them.
   * @throws Problem RATE_LIMITED when there is none
   */
  async makeRoom(userId: string, max: number): Promise<void> {
    const now = this.#now();
    const { rows } = await sql<{ until: Date | null }>`
      with surplus as (
        select id, revoked_at, tokens_until from identity.family where user_id = ${userId}
        order by revoked_at is null and expires_at > ${now} desc, rotated_at desc
        offset ${max - 1} limit ${PRUNE_ROWS_MAX}),
      forgotten as (
        delete from identity.family where id in (
          select id from identity.family where id in (select id from surplus)
            and (revoked_at is not null or tokens_until <= ${now})
          for update skip locked))
      select max(tokens_until) as until from surplus
      where revoked_at is null and tokens_until > ${now}`.execute(this.#options.db);
    const until = rows[0]?.until ?? null;
    if (until !== null) throw tooManySignIns(until.getTime() - now.getTime());
  }

  /** From now on every process refuses the families' tokens, and closes their sockets. */
  announce(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) this.#options.bus.publish(REVOKED, revocation);
  }

  /** A page of those still of use, by family, from the one behind `after`. */
  async revocations(after: string): Promise<Revocation[]> {
    const rows = await this.#options.db
      .selectFrom("revocation")
      .selectAll()
      .where("family", ">", after)
      .where("until", ">", this.#now())
      .orderBy("family")
      .limit(REVOCATIONS_PAGE)
      .execute();
    return revocationsOf(rows);
  }

  /**
   * Deletes what no token can refer to any more, so many rows at a time: a token of one signed out is refused as one of none is.
   * @returns whether there may be more
   */
  async prune(): Promise<boolean> {
    const { db, clock } = this.#options;
    const old = new Date(clock.now() - FAMILIES_KEPT_MS);
    const revocations = await sql`
      delete from identity.revocation where family in (
        select family from identity.revocation where until < ${this.#now()}
        limit ${PRUNE_ROWS_MAX} for update skip locked)`.execute(db);
    const families = await sql`
      delete from identity.family where id in (
        select id from identity.family where least(expires_at, revoked_at) < ${old}
        limit ${PRUNE_ROWS_MAX} for update skip locked)`.execute(db);
    return [revocations, families].some(({ numAffectedRows = 0n }) => numAffectedRows >= PRUNE_ROWS_MAX);
  }

  async #revokeWhere(whose: ReturnType<typeof sql>, db: Kysely<IdentityTables>): Promise<Revocation[]> {
    const now = this.#now();
    const { rows } = await sql<{ family: string; until: Date }>`
      with ended as (
        update identity.family set revoked_at = ${now} where ${whose} and revoked_at is null returning id, tokens_until)
      insert into identity.revocation (family, until)
      select id, tokens_until from ended where tokens_until > ${now}
      on conflict (family) do nothing
      returning family, until`.execute(db);
    return revocationsOf(rows);
  }

  /** One statement, so that of many who come with one token exactly one gets through. */
  async #rotate({ family, generation }: RefreshToken, rotatedWith: Buffer | null): Promise<string | undefined> {
    const { db, clock, config } = this.#options;
    const now = this.#now();
    const rotated = await db
      .updateTable("family")
      .set({
        generation: generation + 1,
        rotated_with: rotatedWith,
        rotated_at: now,
        expires_at: new Date(clock.now() + config.refreshTokenTtlMs),
        tokens_until: this.#tokensUntil(config.accessTokenTtlMs),
      })
      .where("id", "=", family)
      .where("generation", "=", generation)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", now)
      .returning("user_id")
      .executeTakeFirst();
    return rotated?.user_id;
  }

  async #repeat({ family, generation }: RefreshToken, rotatedWith: Buffer | null): Promise<string> {
    const { db, clock } = this.#options;
    const row = await db.selectFrom("family").selectAll().where("id", "=", family).executeTakeFirst();
    if (row === undefined || row.revoked_at !== null || row.generation <= generation) throw unusable();
    const sameRequest =
      row.generation === generation + 1 && rotatedWith !== null && row.rotated_with?.equals(rotatedWith) === true;
    if (sameRequest && clock.now() - row.rotated_at.getTime() <= REFRESH_REPLAY_MS) return row.user_id;
    await this.revoke(family);
    throw new Problem(
      "UNAUTHORIZED",
      "The refresh token was used before, so all tokens of its sign-in are void: sign in again.",
    );
  }

  /** A repeated refresh signs one more access token within `REFRESH_REPLAY_MS` of the row. */
  #tokensUntil(ttlMs: number): Date {
    return new Date(this.#options.clock.now() + ttlMs + REFRESH_REPLAY_MS + TOKEN_SIGNED_WITHIN_MS);
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }

  #format(token: RefreshToken): string {
    return formatRefreshToken(token, this.#options.keyRing().refreshSecret);
  }

  #parse(text: string): RefreshToken | undefined {
    return parseRefreshToken(text, this.#options.keyRing().refreshSecret);
  }
}

const revocationsOf = (rows: readonly { family: string; until: Date }[]): Revocation[] =>
  rows.map(({ family, until }) => ({ family, until: until.getTime() }));

export const tooManySignIns = (retryInMs?: number) =>
  new Problem(
    "RATE_LIMITED",
    "There are too many new sign-ins of this account: wait, or use one of them.",
    retryInMs === undefined ? {} : { retryInMs },
  );

const unusable = () =>
  new Problem("UNAUTHORIZED", "The refresh token is not a valid one, or has expired: sign in again.");

const keyHash = (key: string): Buffer => hash("sha256", key, "buffer");
