/**
 * Usher's demo catalogue, as Usher answers it: it is started for a moment, asked for everything, and ended. So the peers answer with the
 * same bodies, whatever those become.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const USHER = fileURLToPath(new URL("../../../dist/bin/usher.js", import.meta.url));

/** Items a page, as Usher has them when nothing is asked for. */
const PAGE_LIMIT = 50;
const PAGE_LIMIT_MAX = 100;

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface PageQuery {
  readonly limit?: string;
  readonly cursor?: string;
}

/** What is answered, as the bytes that are sent. */
export interface Ready {
  readonly body: Buffer;
  readonly etag: string;
}

export function readyOf(value: unknown): Ready {
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${createHash("sha256").update(body).digest("base64url")}"` };
}

export interface Showtime {
  readonly id: string;
  readonly seatCount: number;
  readonly status: string;
}

export interface Catalogue {
  readonly movies: readonly unknown[];
  readonly showtimes: readonly Showtime[];
  /** Those that were wanted, by showtime. */
  readonly layouts: ReadonlyMap<string, Ready>;
}

/**
 * @param databaseUrl where Usher may keep what it makes, in schemas of its own
 * @param wanted whose layouts to copy: an arena's is 3 MB
 */
export async function copyDemo(
  databaseUrl: string,
  wanted: (showtimes: readonly Showtime[]) => readonly Showtime[],
): Promise<Catalogue> {
  const dataDir = await mkdtemp(join(tmpdir(), "usher-peer-"));
  const env = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, HTTP_PORT: "0", WS_PORT: "0", LOG_LEVEL: "error" };
  const usher = spawn(process.execPath, [USHER, "all"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const api = `${await baseUrl(createInterface({ input: usher.stdout }))}/api/v1`;
    const showtimes = await all<Showtime>(`${api}/showtimes`);
    const layouts = new Map<string, Ready>();
    for (const { id } of wanted(showtimes)) layouts.set(id, await layoutAt(`${api}/showtimes/${id}/layout`));
    return { movies: await all(`${api}/movies`), showtimes, layouts };
  } finally {
    if (usher.exitCode === null) {
      usher.kill("SIGTERM");
      await once(usher, "exit");
    }
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A page of a list in memory; its cursor is where the next one begins. */
export function pageOf<Item>(items: readonly Item[], { limit, cursor }: PageQuery): Page<Item> {
  const from = Number(cursor ?? 0);
  const to = from + Number(limit ?? PAGE_LIMIT);
  return { items: items.slice(from, to), nextCursor: to < items.length ? String(to) : null };
}

async function baseUrl(lines: AsyncIterable<string>): Promise<string> {
  let url: string | undefined;
  for await (const line of lines) {
    url ??= /http:\/\/[^/\s]+/.exec(line)?.[0];
    if (line.startsWith("ready") && url !== undefined) return url;
  }
  throw new Error("Usher ended before it was ready.");
}

async function all<Item>(list: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor = "";
  do {
    const page = (await (await get(`${list}?limit=${PAGE_LIMIT_MAX}${cursor}`)).json()) as Page<Item>; // As openapi.json says.
    items.push(...page.items);
    cursor = page.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
  } while (cursor !== "");
  return items;
}

async function layoutAt(url: string): Promise<Ready> {
  const response = await get(url);
  return { body: Buffer.from(await response.arrayBuffer()), etag: response.headers.get("etag") ?? "" };
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { headers: { "accept-encoding": "identity" } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}
