import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { eventually } from "../../../platform/testing/eventually.ts";
import { MailServer, type Received } from "./mail-server.ts";
import { testNotifications, type TestNotifications } from "./world.ts";

export interface PostOffice {
  readonly world: TestNotifications;
  /** A server for this test alone, which starts it. */
  readonly server: MailServer;
  readonly smtpUrl: (more?: string) => string;
  /** Mails to this user, in the order of their arrival. */
  readonly receivedBy: (address: string | null) => Received[];
  /** Statuses of the mails about a booking. */
  readonly statusesOf: (bookingId: string) => Promise<string[]>;
  /** Waits until the booking's mail is to be tried again, with a note why. */
  readonly putOff: (bookingId: string) => Promise<void>;
  /** Each that some mail has. */
  readonly allStatuses: () => Promise<string[]>;
}

/** A world for the tests of a file. Each begins without mails, and with a mail server that is not started yet. */
export function usePostOffice(): PostOffice {
  let world: TestNotifications;
  let server: MailServer;

  beforeAll(async () => {
    world = await testNotifications();
  });
  beforeEach(() => {
    server = new MailServer();
    world.peers.deleted = false;
    world.peers.tickets = Buffer.from("%PDF-1.7 the tickets");
  });
  afterEach(async () => {
    await world.stopAll();
    await server.stop();
    rmSync(join(world.dataDir, "mail"), { recursive: true, force: true });
    await world.pool.query("truncate notifications.mail, events.dead_letter");
  });
  afterAll(() => world.close());

  return {
    get world() {
      return world;
    },
    get server() {
      return server;
    },
    smtpUrl: (more = "") => `smtp://127.0.0.1:${server.port}/${more}`,
    receivedBy: (address) => server.received.filter(({ to }) => to.some((each) => each === address)),
    statusesOf: async (bookingId) => (await world.rows(bookingId)).map(({ status }) => status),
    putOff: (bookingId) =>
      eventually(async () => {
        const [mail] = await world.rows(bookingId);
        expect([mail?.status, mail?.note]).toEqual(["queued", expect.any(String)]);
      }),
    async allStatuses() {
      const { rows } = await world.pool.query<{ status: string }>("select distinct status from notifications.mail");
      return rows.map(({ status }) => status);
    },
  };
}
