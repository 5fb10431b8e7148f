import type { Pool } from "pg";
import { type Bus, serving, type Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { type EventStream, Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { Poller } from "../../platform/poller/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import {
  REVOCATIONS,
  SIGNING_KEYS,
  SIGNING_KEYS_CHANGED,
  SIGNING_TIME,
  USER_CARD,
  type UserCard,
} from "../../proto/services/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { Accounts } from "./accounts/accounts.ts";
import { Administration } from "./accounts/administration.ts";
import { Devices } from "./accounts/devices.ts";
import { ensureAdmin, type FirstAdmin } from "./accounts/first-admin.ts";
import { ForgottenGuests } from "./accounts/forgotten-guests.ts";
import { type KeyRing, openKeyRing, readKeyRing } from "./keys/key-ring.ts";
import { GUESTS_PRUNE_EVERY_MS, KEYS_READ_EVERY_MS, PRUNE_EVERY_MS } from "./limits.ts";
import { identityRoutes, keySetRoute } from "./routes/index.ts";
import { AccessTokens } from "./sign-ins/access-tokens.ts";
import { Families } from "./sign-ins/families.ts";
import { Logins } from "./sign-ins/logins.ts";
import { Passwords } from "./sign-ins/passwords.ts";
import { Throttle } from "./sign-ins/throttle.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "./tables.ts";

export interface IdentityOptions {
  /** Its database's schema `identity` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  /** Told of deleted users. */
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<
    Config,
    "dataDir" | "accessTokenTtlMs" | "guestTokenTtlMs" | "refreshTokenTtlMs" | "adminEmail" | "adminPassword"
  >;
  /** Shows the first administrator's sign-in to whoever started the program; called at the first start of all, before there is one. */
  readonly announceAdmin: (admin: FirstAdmin) => void;
}

export interface IdentityService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** At the root: `/.well-known/jwks.json`. */
  readonly wellKnown: Routes;
  /** Before any request. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads the keys again, as it does by itself every ten seconds: after `rotateKeys`. Where that fails those read before stay in use. @throws */
  reloadKeys(): Promise<void>;
}

/** Accounts, sign-ins and the keys that tokens are signed with. */
export function createIdentityService(options: IdentityOptions): IdentityService {
  const { pool, bus, stream, clock, config, random, log } = options;
  const db = createDatabase<IdentityTables>(pool).withSchema(IDENTITY_SCHEMA);
  const tokenTtlMs = Math.max(config.accessTokenTtlMs, config.guestTokenTtlMs);
  const outbox = new Outbox({
    pool,
    bus,
    stream,
    clock,
    random,
    log,
    schema: IDENTITY_SCHEMA,
    source: "/usher/identity",
  });
  const passwords = new Passwords();
  const families = new Families({ db, bus, clock, random, config, keyRing });
  const throttle = new Throttle({ db, clock, secret: () => keyRing().refreshSecret });
  const logins = new Logins({ db, passwords, families, throttle });
  const tokens = new AccessTokens({ config, clock, random, keyRing });
  const accounts = new Accounts({ db, passwords, families, clock, random });
  const devices = new Devices({ db, accounts, families, clock, random });
  const administration = new Administration({ db, families, outbox, clock });
  const guests = new ForgottenGuests({ db, bus, clock, config });
  const served: Subscription[] = [];
  let keys: KeyRing | undefined;

  function keyRing(): KeyRing {
    if (keys === undefined) throw new Error("identity was asked for a token before it was started");
    return keys;
  }

  async function reloadKeys(): Promise<void> {
    const before = keys?.publicKeys[0]?.kid;
    const read = keys === undefined ? openKeyRing : readKeyRing;
    keys = await read({ dataDir: config.dataDir, clock, random, tokenTtlMs });
    if (before !== undefined && before !== keys.publicKeys[0]?.kid) bus.publish(SIGNING_KEYS_CHANGED, null);
  }

  async function userCard(userId: string): Promise<UserCard | null> {
    const user = await accounts.find(userId);
    if (user === undefined) return null;
    const { id, role, email, name, language } = user;
    return { id, role, email, name, language };
  }

  // The keys were read just before, and bookings, who are asked about guests, may be starting as well.
  const nowAndThen = { clock, log, restsFirst: true };
  const pollers = [
    new Poller({
      ...nowAndThen,
      what: "reading the signing keys",
      everyMs: KEYS_READ_EVERY_MS,
      async work() {
        await reloadKeys();
        return false;
      },
    }),
    new Poller({ ...nowAndThen, what: "deleting old sign-ins", everyMs: PRUNE_EVERY_MS, work: () => families.prune() }),
    new Poller({
      ...nowAndThen,
      what: "deleting wrong passwords that are forgotten",
      everyMs: PRUNE_EVERY_MS,
      work: () => throttle.prune(),
    }),
    new Poller({
      ...nowAndThen,
      what: "deleting guests who booked nothing",
      everyMs: GUESTS_PRUNE_EVERY_MS,
      work: () => guests.prune(),
    }),
  ];

  return {
    routes: identityRoutes({ accounts, administration, devices, families, logins, throttle, tokens }),
    wellKnown: keySetRoute(keyRing),
    reloadKeys,

    async start() {
      await reloadKeys();
      await ensureAdmin({ db, accounts, passwords, config, random, log, announce: options.announceAdmin });
      const serve = serving(bus, log, "identity");
      served.push(
        serve(SIGNING_KEYS, async () => keyRing().publicKeys),
        serve(SIGNING_TIME, async () => clock.now()),
        serve(REVOCATIONS, ({ after }) => families.revocations(after)),
        serve(USER_CARD, ({ userId }) => userCard(userId)),
      );
      for (const poller of pollers) poller.start();
      outbox.start();
    },

    async stop() {
      for (const subscription of served.splice(0)) subscription.close();
      await Promise.all([...pollers.map((poller) => poller.stop()), outbox.stop()]);
    },
  };
}
