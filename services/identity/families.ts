import { createHash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import { type Revocation, REVOKED } from "../../platform/auth/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import { Problem } from "../http/index.ts";
import type { KeyRing } from "./key-ring.ts";
import { FAMILIES_KEPT_MS, PRUNE_ROWS_MAX, REFRESH_REPLAY_MS } from "./limits.ts";
import { formatRefreshToken, parseRefreshToken, type RefreshToken } from "./refresh-token.ts";
import type { IdentityTables } from "./tables.ts";

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

/**
 * Families of refresh tokens, one a sign-in, with rotation and detection of reuse (RFC 9700, 4.14.2): each token is good
 * once, and one that comes again has been stolen from somebody, so the whole family ends.
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

  /** An id for the tokens of one sign-in. */
  newId(): string {
    return `fam_${this.#options.random(16).toString("base64url")}`;
  }

  /** @param db the transaction that makes the user, or the database. @returns the family, and its first refresh token */
  async open(userId: string, db: Kysely<IdentityTables> = this.#options.db): Promise<Refreshed> {
    const { clock, config } = this.#options;
    const family = this.newId();
    const now = clock.now();
    await db
      .insertInto("family")
      .values({
        id: family,
        user_id: userId,
        rotated_at: new Date(now),
        expires_at: new Date(now + config.refreshTokenTtlMs),
      })
      .execute();
    return { userId, family, refreshToken: this.#format({ family, generation: 0 }) };
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

  /** From now on every process refuses the family's tokens, and closes its sockets. */
  async revoke(family: string): Promise<void> {
    const { db, bus, clock, config } = this.#options;
    const now = clock.now();
    const until = now + Math.max(config.accessTokenTtlMs, config.guestTokenTtlMs);
    await db.transaction().execute(async (step) => {
      await step
        .updateTable("family")
        .set({ revoked_at: new Date(now) })
        .where("id", "=", family)
        .where("revoked_at", "is", null)
        .execute();
      await step
        .insertInto("revocation")
        .values({ family, until: new Date(until) })
        .onConflict((conflict) => conflict.column("family").doUpdateSet({ until: new Date(until) }))
        .execute();
    });
    bus.publish(REVOKED, { family, until });
  }

  async revocations(): Promise<Revocation[]> {
    const { db, clock } = this.#options;
    const rows = await db.selectFrom("revocation").selectAll().where("until", ">", new Date(clock.now())).execute();
    return rows.map(({ family, until }) => ({ family, until: until.getTime() }));
  }

  /** Deletes what no token can refer to any more. */
  async prune(): Promise<void> {
    const { db, clock } = this.#options;
    const old = new Date(clock.now() - FAMILIES_KEPT_MS);
    await db.deleteFrom("revocation").where("until", "<", new Date(clock.now())).execute();
    await sql`
      delete from identity.family where id in (
        select id from identity.family where expires_at < ${old} limit ${PRUNE_ROWS_MAX} for update skip locked)`.execute(
      db,
    );
  }

  /** One statement, so that of many who come with one token exactly one gets through. */
  async #rotate({ family, generation }: RefreshToken, rotatedWith: Buffer | null): Promise<string | undefined> {
    const { db, clock, config } = this.#options;
    const now = clock.now();
    const rotated = await db
      .updateTable("family")
      .set({
        generation: generation + 1,
        rotated_with: rotatedWith,
        rotated_at: new Date(now),
        expires_at: new Date(now + config.refreshTokenTtlMs),
      })
      .where("id", "=", family)
      .where("generation", "=", generation)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", new Date(now))
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

  #format(token: RefreshToken): string {
    return formatRefreshToken(token, this.#options.keyRing().refreshSecret);
  }

  #parse(text: string): RefreshToken | undefined {
    return parseRefreshToken(text, this.#options.keyRing().refreshSecret);
  }
}

const unusable = () =>
  new Problem("UNAUTHORIZED", "The refresh token is not a valid one, or has expired: sign in again.");

const keyHash = (key: string): Buffer => createHash("sha256").update(key).digest();
