/** What the edge asks of others, and no more than it asks. */
import type { TokenVerifier } from "../platform/auth/index.ts";
import type { Config } from "../platform/config/index.ts";
import type { Command, Query, Reply } from "../proto/index.ts";

/** The way to the engine. */
export interface EngineGateway {
  /** `answer` is called exactly once, now or later, with how long that took, in whole milliseconds; a refusal is an answer too. */
  send(request: Command | Query, answer: (reply: Reply, tookMs: number) => void): void;
}

export type Verifier = Pick<TokenVerifier, "verify" | "onRevoked">;

export type EdgeConfig = Pick<
  Config,
  | "host"
  | "wsPort"
  | "allowedOrigins"
  | "trustedProxies"
  | "commandsPerSecond"
  | "addressCommandsPerSecond"
  | "connectionsPerAddress"
>;
