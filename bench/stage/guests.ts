/** Buyers and a place to buy, over REST, as anybody would get them. */
const AT_ONCE = 50;
const PAGE = 100;

async function post<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url, { method: "POST" });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer; // As openapi.json says.
}

export async function guestTokens(http: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - tokens.length) }, () =>
      post<{ accessToken: string }>(`${http}/api/v1/auth/guest`),
    );
    tokens.push(...(await Promise.all(some)).map((guest) => guest.accessToken));
  }
  return tokens;
}

/** The showtimes on sale in halls with at least so many seats, the smallest such halls first. */
export async function showtimesBySize(http: string, seatsMin: number): Promise<string[]> {
  const showtimes: { id: string; seatCount: number; status: string }[] = [];
  let cursor: string | null = null;
  do {
    const url = new URL(`${http}/api/v1/showtimes?limit=${PAGE}`);
    if (cursor !== null) url.searchParams.set("cursor", cursor);
    const page = (await (await fetch(url)).json()) as { items: typeof showtimes; nextCursor: string | null }; // As openapi.json says.
    showtimes.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return showtimes
    .filter(({ seatCount, status }) => seatCount >= seatsMin && status === "on-sale")
    .sort((a, b) => a.seatCount - b.seatCount)
    .map(({ id }) => id);
}
