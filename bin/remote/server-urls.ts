import type { Config } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

/** Where an Usher of these settings answers on this machine. */
export const ownHttp = ({ httpPort }: Pick<Config, "httpPort">): string => `http://127.0.0.1:${httpPort}`;

const SCHEMES = { "--http": ["http:", "https:"], "--url": ["ws:", "wss:"] } as const;

/** @throws ExplainedError */
export function validUrl(option: keyof typeof SCHEMES, text: string): string {
  const schemes: readonly string[] = SCHEMES[option];
  if (URL.canParse(text) && schemes.includes(new URL(text).protocol)) return text;
  throw new ExplainedError(`${option} must be a URL that begins with ${schemes.join("// or ")}//, but is ${text}.`);
}
