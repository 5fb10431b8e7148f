/**
 * An address as it is compared: people expect case, outer blanks and the Unicode form of an accent not to matter.
 * (The part before the @ may by RFC 5321 tell case apart; no provider of note does.)
 */
export const emailKey = (email: string): string => email.trim().normalize("NFC").toLowerCase();
