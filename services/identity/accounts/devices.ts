import { hash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Device, DeviceCreated, DeviceRole, Page, PageQuery } from "../../../proto/rest/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import { pageByTime, Problem } from "../../../platform/http/index.ts";
import { FAMILIES_OF_DEVICE_MAX } from "../limits.ts";
import { type Families, tooManySignIns } from "../sign-ins/families.ts";
import type { IdentityTables } from "../tables.ts";
import type { Accounts, Opened } from "./accounts.ts";
import type { UserRow } from "./user.ts";

export interface DeviceOptions {
  readonly db: Kysely<IdentityTables>;
  readonly accounts: Accounts;
  readonly families: Families;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Kiosks, box offices and gates: users that sign in with a secret made here, which is nowhere else once it was given out. */
export class Devices {
  readonly #options: DeviceOptions;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  async create(role: DeviceRole, name: string | undefined): Promise<DeviceCreated> {
    const { db, accounts } = this.#options;
    const row = accounts.newRow(role);
    const { secret, secret_hash } = this.#newSecret();
    await db
      .with("made", (query) => query.insertInto("user").values({ ...row, name: name ?? null }))
      .insertInto("device")
      .values({ user_id: row.id, secret_hash })
      .execute();
    return { deviceId: row.id, secret };
  }

  /**
   * One statement, and no slow hash: a device does it every few minutes for as long as it stands there.
   * @throws Problem UNAUTHORIZED | RATE_LIMITED when so many of its tokens are good that there may be no more
   */
  async signIn(deviceId: string, secret: string): Promise<Opened> {
    const opened = await this.#open(deviceId, secret);
    if (opened !== "full") return opened;
    await this.#options.families.makeRoom(deviceId, FAMILIES_OF_DEVICE_MAX);
    const again = await this.#open(deviceId, secret);
    if (again === "full") throw tooManySignIns(); // Others, who came at the same time, have taken the room.
    return again;
  }

  async #open(deviceId: string, secret: string): Promise<Opened | "full"> {
    const { db, families, clock } = this.#options;
    const { id, rotated_at, expires_at, tokens_until } = families.brief("device");
    const { rows } = await sql<UserRow & { opened: string | null }>`
      with who as (
        select * from identity."user" where id = ${deviceId} and deleted_at is null for key share),
      seen as (
        update identity.device set seen_at = ${new Date(clock.now())} from who
        where user_id = who.id and secret_hash = ${hashOf(secret)} returning user_id),
      opened as (
        insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until)
        select ${id}, user_id, ${rotated_at}::timestamptz, ${expires_at}::timestamptz, ${tokens_until}::timestamptz from seen
        where (select count(*) from identity.family where family.user_id = seen.user_id) < ${FAMILIES_OF_DEVICE_MAX}
        returning id)
      select who.*, opened.id as opened from who join seen on seen.user_id = who.id left join opened on true`.execute(
      db,
    );
    const [user] = rows;
    if (user === undefined) throw new Problem("UNAUTHORIZED", "The device or its secret is not known.");
    return user.opened === null ? "full" : { user, family: user.opened };
  }

  /** The old secret ends at once, and all tokens and sockets that it opened. @throws Problem NOT_FOUND */
  async rotate(deviceId: string): Promise<DeviceCreated> {
    const { db, families } = this.#options;
    const { secret, secret_hash } = this.#newSecret();
    const revoked = await db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("device")
        .set({ secret_hash })
        .where("user_id", "=", deviceId)
        .where("secret_hash", "is not", null)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new Problem("NOT_FOUND", "There is no such device.");
      return families.revokeAll(deviceId, transaction);
    });
    families.announce(revoked);
    return { deviceId, secret };
  }

  /** The oldest first. */
  async list(page: PageQuery): Promise<Page<Device>> {
    const devices = this.#options.db
      .selectFrom("device")
      .innerJoin("user", "user.id", "device.user_id")
      .selectAll("user")
      .select("seen_at")
      .where("deleted_at", "is", null);
    return pageByTime(devices, page, "asc", deviceOf);
  }

  #newSecret(): { secret: string; secret_hash: Buffer } {
    const secret = this.#options.random(32).toString("base64url");
    return { secret, secret_hash: hashOf(secret) };
  }
}

const deviceOf = ({ id, role, name, created_at, seen_at }: UserRow & { seen_at: Date | null }): Device => ({
  deviceId: id,
  role: role as DeviceRole, // A device is made with such a one, and keeps it.
  ...(name === null ? {} : { name }),
  createdAt: created_at.toISOString(),
  lastSeenAt: seen_at?.toISOString() ?? null,
});

/** What a guesser sends is hashed before it is compared, so that the time it takes tells nothing. */
const hashOf = (secret: string): Buffer => hash("sha256", secret, "buffer");
