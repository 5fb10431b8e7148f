/** What a setting's text may be. A kind says what it expects, reads it, and shows it without giving secrets away. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { LOG_LEVELS, type LogLevel } from "../log/index.ts";

export interface Kind<T> {
  /** Completes the sentence "NAME must be ...", with unit and range. */
  readonly expected: string;
  /** Undefined: the text is not such a value. */
  parse(text: string): T | undefined;
  /** What an error message may tell of a text that was refused. */
  show(text: string): string;
}

const inQuotes = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

export function whole(unit: string, min: number, max: number, factor = 1): Kind<number> {
  return {
    expected: `a whole number of ${unit} from ${min} to ${max}`,
    parse(text) {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value * factor : undefined;
    },
    show: inQuotes,
  };
}

/** Written in seconds, read as milliseconds. */
export const seconds = (min: number, max: number): Kind<number> => whole("seconds", min, max, 1000);

export const port: Kind<number> = {
  ...whole("ports", 0, 65_535),
  expected: "a port from 0 to 65535 (0 = any free one)",
};

export const host: Kind<string> = {
  expected: "a host name or an IP address",
  parse: (text) => (/^[A-Za-z0-9._:%-]+$/.test(text) ? text : undefined),
  show: inQuotes,
};

/** A relative path is meant from the current directory. */
export const directory: Kind<string> = {
  expected: "the path of a directory",
  parse: (text) => (text.includes("\0") ? undefined : resolve(text)),
  show: inQuotes,
};

export const yesOrNo: Kind<boolean> = {
  expected: "true or false",
  parse: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  show: inQuotes,
};

export const logLevel: Kind<LogLevel> = {
  expected: `one of ${LOG_LEVELS.join(", ")}`,
  parse: (text) => LOG_LEVELS.find((level) => level === text),
  show: inQuotes,
};

export const email: Kind<string> = {
  expected: "an e-mail address",
  parse: (text) => (text.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(text) ? text : undefined),
  show: inQuotes,
};

/** Kept as it is; nothing of it is ever shown. */
export function secret(minLength: number): Kind<string> {
  return {
    expected: `at least ${minLength} characters`,
    parse: (text) => (text.length >= minLength ? text : undefined),
    show: (text) => (text.length === 1 ? "1 character" : `${text.length} characters`),
  };
}

const isVisibleAscii = (text: string): boolean => /^[!-~]+$/.test(text);

/** As Stripe's are, and any must be that is sent in a header: Node sends no other characters there, and a blank at its end does not arrive. */
export function asciiSecret(minLength: number): Kind<string> {
  const { parse, show } = secret(minLength);
  return {
    expected: `at least ${minLength} visible ASCII characters without blanks`,
    parse: (text) => (isVisibleAscii(text) ? parse(text) : undefined),
    show: (text) => `${show(text)}${isVisibleAscii(text) ? "" : ", others among them"}`,
  };
}

const isWebhookKey = (text: string): boolean => !text.startsWith("whsec_") || /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text);

/** One that webhooks are signed with as well: behind `whsec_` Standard Webhooks have base64. */
export function webhookSecret(minLength: number): Kind<string> {
  const { expected, parse, show } = asciiSecret(minLength);
  return {
    expected: `${expected}, and behind whsec_, where it begins so, standard base64`,
    parse: (text) => (isWebhookKey(text) ? parse(text) : undefined),
    show: (text) => `${show(text)}${isWebhookKey(text) ? "" : ", no base64 behind whsec_"}`,
  };
}

/** Kept as text. It may hold a password, so that of a bad one only the scheme is shown. */
export function url(...schemes: readonly string[]): Kind<string> {
  return {
    expected: `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
    parse: (text) => (schemes.includes(schemeOf(text) ?? "") && URL.canParse(text) ? text : undefined),
    show(text) {
      const scheme = schemeOf(text);
      if (scheme === undefined) return "a text that is no URL (not shown, it may hold a password)";
      const broken = schemes.includes(scheme) && !URL.canParse(text) ? " that does not parse" : "";
      return `a ${scheme}:// URL${broken} (the rest may hold a password)`;
    },
  };
}

/** An HTTP address that paths are put behind: read without a slash at its end. */
export const baseUrl: Kind<string> = {
  ...url("http", "https"),
  parse: (text) => url("http", "https").parse(text)?.replace(/\/$/, ""),
};

/** One URL, or several joined by commas. */
export function urls(...schemes: readonly string[]): Kind<string> {
  const one = url(...schemes);
  const parts = (text: string): readonly string[] => text.split(",");
  return {
    expected: `${one.expected}, or several joined by commas`,
    parse: (text) => (parts(text).every((part) => one.parse(part) !== undefined) ? text : undefined),
    show: (text) => one.show(parts(text).find((part) => one.parse(part) === undefined) ?? text),
  };
}

/** Addresses of machines, or networks of them as in RFC 4632, IPv4 or IPv6, joined by commas. */
export const addresses: Kind<readonly string[]> = {
  expected: "IP addresses such as 10.0.0.7 or networks such as 10.0.0.0/8, joined by commas",
  parse(text) {
    const parts = text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    return parts.every(isAddressOrNetwork) ? parts : undefined;
  },
  show: inQuotes,
};

function isAddressOrNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (prefix === undefined) return bits > 0;
  // A network of everybody would let each say who it is.
  return more.length === 0 && /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= bits;
}

/** As a browser sends them in `Origin`: scheme, host and port, nothing after. */
export const origins: Kind<readonly string[]> = {
  expected: "web origins such as https://tickets.example.com, joined by commas",
  parse(text) {
    const found = text
      .split(",")
      .filter((part) => part.trim() !== "")
      .map(originOf);
    return found.every((origin) => origin !== undefined) ? found : undefined;
  },
  show: inQuotes,
};

/** An HTTP address that has no path: whoever uses it puts its own there. */
export const origin: Kind<string> = {
  ...url("http", "https"),
  expected: "the address of a web server without a path, such as https://api.example.com",
  parse: originOf,
};

function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const parsed = new URL(text);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return undefined;
  return parsed.href === `${parsed.origin}/` ? parsed.origin : undefined;
}

const schemeOf = (text: string): string | undefined => /^([a-z][a-z0-9+.-]*):\/\//.exec(text)?.[1];
