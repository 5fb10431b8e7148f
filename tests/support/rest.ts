/** REST as a client without our code speaks it: `fetch` and JSON. */
import type { Static } from "typebox";
import type { Layout, Showtime } from "../../proto/rest/index.ts";

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, else the text; undefined where there is none. */
  readonly body: Body;
}

interface Asked {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SeatView {
  readonly showtimeId: string;
  readonly epoch: number;
  readonly seq: number;
  readonly statuses: string;
}

export interface HoldView {
  readonly holdId: string;
  readonly showtimeId: string;
  readonly seats: readonly number[];
  readonly expiresAt: string;
  readonly expiresInMs: number;
}

export class Rest {
  readonly origin: string;

  constructor(port: number) {
    this.origin = `http://127.0.0.1:${port}`;
  }

  /** A path that begins with a slash is taken as it is; any other is below `/api/v1/`. */
  async call<Body = Readonly<Record<string, unknown>>>(
    method: string,
    path: string,
    { token, body, headers = {} }: Asked = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(`${this.origin}${path.startsWith("/") ? path : `/api/v1/${path}`}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "");
    // The cast: tests name the shape that they go on to check.
    const parsed = (text === "" ? undefined : isJson ? JSON.parse(text) : text) as Body;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  get<Body = Readonly<Record<string, unknown>>>(path: string, asked: Asked = {}): Promise<Answer<Body>> {
    return this.call<Body>("GET", path, asked);
  }

  post<Body = Readonly<Record<string, unknown>>>(path: string, asked: Asked = {}): Promise<Answer<Body>> {
    return this.call<Body>("POST", path, asked);
  }

  async guest(): Promise<{ userId: string; token: string }> {
    const { status, body } = await this.post<{ user: { id: string }; accessToken: string }>("auth/guest");
    if (status !== 201) throw new Error(`no guest: ${status}`);
    return { userId: body.user.id, token: body.accessToken };
  }

  /** What is on sale now, all pages. */
  async showtimes(): Promise<Showtime[]> {
    const items: Showtime[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: Answer<{ items: Showtime[]; nextCursor: string | null }> = await this.get(
        `showtimes?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      items.push(...page.body.items);
      cursor = page.body.nextCursor;
    }
    return items.filter(({ status }) => status === "on-sale");
  }

  async showtimeIds(): Promise<string[]> {
    return (await this.showtimes()).map(({ id }) => id);
  }

  async layout(showtime: string): Promise<LayoutOf> {
    return (await this.get<LayoutOf>(`showtimes/${showtime}/layout`)).body;
  }

  async seats(showtime: string): Promise<SeatView> {
    return (await this.get<SeatView>(`showtimes/${showtime}/seats`)).body;
  }
}

export type LayoutOf = Static<typeof Layout>;
