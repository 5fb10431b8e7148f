/** One Usher for a test file, and what every test asks of it. */
import { afterAll, beforeAll } from "vitest";
import { Client } from "../../edge/testing/client.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { showtimeId, type ShowtimeId } from "../../proto/index.ts";
import type { Showtime } from "../../proto/rest/index.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import { Rest } from "./rest.ts";
import { removeDirectory, temporaryDirectory, type Settings, UsherProcess } from "./usher-process.ts";

export const ADMIN = { email: "admin@example.com", password: "correct horse battery" };

export interface Person {
  readonly userId: string;
  readonly token: string;
}

export interface BoxOffice {
  readonly usher: UsherProcess;
  readonly rest: Rest;
  readonly databaseUrl: string;
  readonly dataDir: string;
  guest(): Promise<Person>;
  /** A showtime that no other test of this run of Usher has had. */
  anotherShowtime(hallId?: string): ShowtimeId;
  connect(encoding?: Encoding): Promise<Client>;
  /** Connected, and signed in as the person. */
  enter(person: Person, encoding?: Encoding): Promise<Client>;
}

/** Starts Usher on a database of its own before the tests of this file, and ends it after them. */
export function boxOffice(settings: Settings = {}): BoxOffice {
  const clients: Client[] = [];
  const showtimes: Showtime[] = [];
  let database: TestDatabase;
  let dataDir: string;
  let usher: UsherProcess;
  let rest: Rest;

  beforeAll(async () => {
    database = await testDatabase();
    dataDir = await temporaryDirectory();
    usher = await UsherProcess.start({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      USHER_ADMIN_EMAIL: ADMIN.email,
      USHER_ADMIN_PASSWORD: ADMIN.password,
      ...settings,
    });
    rest = new Rest(usher.httpPort);
    // Those of the next hours cannot be cancelled any more, and end while tests run.
    const soon = Date.now() + 3_600_000;
    showtimes.push(...(await rest.showtimes()).filter(({ cancelUntil }) => Date.parse(cancelUntil) > soon));
  });

  afterAll(async () => {
    for (const client of clients) client.ws.terminate();
    await usher.end("SIGTERM");
    await database.drop();
    await removeDirectory(dataDir);
  });

  const connect = async (encoding: Encoding = "json"): Promise<Client> => {
    const client = await Client.connect(usher.wsPort, encoding);
    clients.push(client);
    return client;
  };

  return {
    get usher() {
      return usher;
    },
    get rest() {
      return rest;
    },
    get databaseUrl() {
      return database.url;
    },
    get dataDir() {
      return dataDir;
    },
    guest: () => rest.guest(),
    anotherShowtime(hallId) {
      const at = showtimes.findIndex((showtime) => hallId === undefined || showtime.hallId === hallId);
      const [showtime] = at < 0 ? [] : showtimes.splice(at, 1);
      if (showtime === undefined) throw new Error("the demo has no more showtimes");
      return showtimeId(showtime.id);
    },
    connect,
    async enter(person, encoding) {
      const client = await connect(encoding);
      await client.signIn(person.token);
      return client;
    },
  };
}
