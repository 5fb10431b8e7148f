/** Buyers and a place to buy, over REST, as anybody would get them. */
import { ask } from "../load/json-http.ts";

const AT_ONCE = 50;
const PAGE = 100;

export async function guestTokens(http: string, count: number): Promise<string[]> {
  const guests = await someAtOnce(count, () => ask<{ accessToken: string }>("POST", `${http}/api/v1/auth/guest`));
  return guests.map(({ accessToken }) => accessToken);
}

export interface Account {
  readonly email: string;
  readonly password: string;
}

/** New accounts, registered. */
export function accounts(http: string, count: number): Promise<Account[]> {
  return someAtOnce(count, async (index) => {
    const account = { email: `customer-${index}@example.com`, password: `open sesame ${index}` };
    await ask("POST", `${http}/api/v1/auth/register`, { body: { ...account, name: "Ali Baba" } });
    return account;
  });
}

async function someAtOnce<Result>(count: number, make: (index: number) => Promise<Result>): Promise<Result[]> {
  const made: Result[] = [];
  while (made.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - made.length) }, (_, at) => make(made.length + at));
    made.push(...(await Promise.all(some)));
  }
  return made;
}

/** The showtimes on sale in halls with at least so many seats, the smallest such halls first. */
export async function showtimesBySize(http: string, seatsMin: number): Promise<string[]> {
  const showtimes: { id: string; seatCount: number; status: string }[] = [];
  let cursor: string | null = null;
  do {
    const url = new URL(`${http}/api/v1/showtimes?limit=${PAGE}`);
    if (cursor !== null) url.searchParams.set("cursor", cursor);
    const page = await ask<{ items: typeof showtimes; nextCursor: string | null }>("GET", url.href);
    showtimes.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return showtimes
    .filter(({ seatCount, status }) => seatCount >= seatsMin && status === "on-sale")
    .sort((a, b) => a.seatCount - b.seatCount)
    .map(({ id }) => id);
}
