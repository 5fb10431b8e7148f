/** Buyers and a place to buy, over REST, as anybody would get them. */
async function post<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url, { method: "POST" });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer; // As openapi.json says.
}

export async function guestTokens(http: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const some = Array.from({ length: Math.min(50, count - tokens.length) }, () =>
      post<{ accessToken: string }>(`${http}/api/v1/auth/guest`),
    );
    tokens.push(...(await Promise.all(some)).map((guest) => guest.accessToken));
  }
  return tokens;
}

/** The showtime with the most seats. */
export async function hotShowtime(http: string): Promise<string> {
  let cursor: string | null = null;
  let best = { id: "", seats: 0 };
  const halls = new Set<string>();
  do {
    const url = new URL(`${http}/api/v1/showtimes?limit=100`);
    if (cursor !== null) url.searchParams.set("cursor", cursor);
    const page = (await (await fetch(url)).json()) as {
      items: { id: string; hall?: { id: string } }[];
      nextCursor: string | null;
    }; // As openapi.json says.
    for (const { id, hall } of page.items) {
      if (hall !== undefined && halls.has(hall.id)) continue;
      if (hall !== undefined) halls.add(hall.id);
      const seats = (await (await fetch(`${http}/api/v1/showtimes/${id}/seats`)).json()) as { statuses: string };
      if (seats.statuses.length > best.seats) best = { id, seats: seats.statuses.length };
    }
    cursor = page.nextCursor;
  } while (cursor !== null);
  return best.id;
}
