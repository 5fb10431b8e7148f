import * as schema from "../../../proto/rest/index.ts";
import type { Routes } from "../../../platform/http/index.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { KEYS_SHOWN_KEPT_MS } from "../limits.ts";
import { tags } from "./parts.ts";

export const keySetRoute =
  (keyRing: () => KeyRing): Routes =>
  async (app) => {
    app.get(
      "/.well-known/jwks.json",
      {
        schema: {
          operationId: "getKeySet",
          tags,
          summary: "The public keys of access tokens (RFC 7517)",
          response: { 200: schema.KeySet },
        },
      },
      async (_request, reply) => {
        void reply.header("cache-control", `public, max-age=${KEYS_SHOWN_KEPT_MS / 1_000}`);
        return { keys: keyRing().publicKeys.map((key) => ({ ...key })) };
      },
    );
  };
