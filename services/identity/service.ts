import type { Pool } from "pg";
import { KEYS, KEYS_CHANGED, REVOCATIONS } from "../../platform/auth/index.ts";
import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import * as schema from "../../proto/rest/index.ts";
import type { Routes } from "../http/index.ts";
import { AccessTokens } from "./access-tokens.ts";
import { Accounts } from "./accounts.ts";
import { Devices } from "./devices.ts";
import { Families } from "./families.ts";
import { ensureAdmin, type FirstAdmin } from "./first-admin.ts";
import { type KeyRing, openKeyRing } from "./key-ring.ts";
import { KEYS_READ_EVERY_MS, PRUNE_EVERY_MS } from "./limits.ts";
import { Passwords } from "./passwords.ts";
import { identityRoutes } from "./routes.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "./tables.ts";

export interface IdentityOptions {
  /** Of a database whose schema `identity` is migrated when `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<
    Config,
    "dataDir" | "accessTokenTtlMs" | "guestTokenTtlMs" | "refreshTokenTtlMs" | "adminEmail" | "adminPassword"
  >;
}

export interface IdentityService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** At the root: `/.well-known/jwks.json`. */
  readonly wellKnown: Routes;
  /** Before any request. @returns the administrator, at the first start of all */
  start(): Promise<FirstAdmin | undefined>;
  stop(): Promise<void>;
  /** Reads the keys again, as it does by itself every minute: after `rotateKeys`. */
  reloadKeys(): Promise<void>;
}

/** Accounts, sign-ins and the keys that tokens are signed with. */
export function createIdentityService(options: IdentityOptions): IdentityService {
  const { bus, clock, config, random, log } = options;
  const db = createDatabase<IdentityTables>(options.pool).withSchema(IDENTITY_SCHEMA);
  const tokenTtlMs = Math.max(config.accessTokenTtlMs, config.guestTokenTtlMs);
  const passwords = new Passwords();
  const accounts = new Accounts({ db, passwords, clock, random });
  const families = new Families({ db, bus, clock, random, config, keyRing });
  const tokens = new AccessTokens({ config, clock, random, keyRing });
  const devices = new Devices({ db, accounts, random });
  const served: Subscription[] = [];
  const timers: Timer[] = [];
  let keys: KeyRing | undefined;

  function keyRing(): KeyRing {
    if (keys === undefined) throw new Error("identity was asked for a token before it was started");
    return keys;
  }

  async function reloadKeys(): Promise<void> {
    const before = keys?.signingKid;
    keys = await openKeyRing({ dataDir: config.dataDir, clock, random, tokenTtlMs });
    if (before !== undefined && before !== keys.signingKid) bus.publish(KEYS_CHANGED, null);
  }

  function every(ms: number, index: number, what: string, work: () => Promise<void>): void {
    timers[index] = clock.after(ms, () => {
      work().catch((error: unknown) => log.warn({ err: error }, `${what} failed`));
      every(ms, index, what, work);
    });
  }

  return {
    routes: identityRoutes({ accounts, devices, families, tokens }),
    wellKnown: keySetRoute(keyRing),
    reloadKeys,

    async start() {
      await reloadKeys();
      const firstAdmin = await ensureAdmin({ db, accounts, config, random });
      served.push(
        bus.serve(KEYS, (_question, answer) => answer(keyRing().publicKeys), { queue: "identity" }),
        bus.serve(
          REVOCATIONS,
          (_question, answer) => {
            families
              .revocations()
              .then(answer, (error: unknown) => log.warn({ err: error }, "revocations could not be read"));
          },
          { queue: "identity" },
        ),
      );
      every(KEYS_READ_EVERY_MS, 0, "reading the signing keys", reloadKeys);
      every(PRUNE_EVERY_MS, 1, "deleting old sign-ins", () => families.prune());
      return firstAdmin;
    },

    async stop() {
      for (const timer of timers.splice(0)) timer.cancel();
      for (const subscription of served.splice(0)) subscription.close();
    },
  };
}

const keySetRoute =
  (keyRing: () => KeyRing): Routes =>
  async (app) => {
    app.get(
      "/.well-known/jwks.json",
      {
        schema: {
          operationId: "getKeySet",
          tags: ["accounts"],
          summary: "The public keys of access tokens (RFC 7517)",
          response: { 200: schema.KeySet },
        },
      },
      async (_request, reply) => {
        void reply.header("cache-control", "public, max-age=60");
        return { keys: keyRing().publicKeys.map((key) => ({ ...key })) };
      },
    );
  };
