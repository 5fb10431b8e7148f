import { domainToASCII } from "node:url";

/**
 * An address as it is compared: people expect case, outer blanks, the Unicode form of a letter, and whether a domain is
 * written in its own script or in punycode, not to matter. (The part before the @ may by RFC 5321 tell case apart; no
 * provider of note does.)
 */
export function emailKey(email: string): string {
  const text = folded(email.trim());
  const at = text.lastIndexOf("@") + 1;
  const domain = text.slice(at);
  return text.slice(0, at) + ((INTERNATIONAL_DOMAIN.test(domain) && domainToASCII(domain)) || domain);
}

/**
 * Whose mailbox it is, as far as an address tells: what comes to ann+cinema@ is read at ann@ in most places, and what comes to a.n.n@ where Google
 * keeps the mailboxes. Anybody may make up either.
 */
export function mailboxOf(email: string): string {
  const [, name = "", domain = ""] = /^(.+?)(?:\+.*)?@([^@]*)$/s.exec(emailKey(email)) ?? [];
  return `${GOOGLES.has(domain) ? name.replaceAll(".", "") : name}@${domain}`;
}

const GOOGLES: ReadonlySet<string> = new Set(["gmail.com", "googlemail.com"]);

/** Lowering the case may take a letter apart again, hence the form afterwards too. */
const folded = (text: string): string => text.normalize("NFKC").toLowerCase().normalize("NFKC");

/** Node reads a domain as a URL's, so that what ends one there must not be in it. */
const INTERNATIONAL_DOMAIN = /^[a-z0-9._\-\u0080-\u{10ffff}]+$/u;
