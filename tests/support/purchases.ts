/** Buyers, staff and what they do, over REST alone. */
import { expect, vi } from "vitest";
import type { Role } from "../../proto/index.ts";
import type { Booking, BookingRequest, Ticket } from "../../proto/rest/index.ts";
import { ADMIN, type BoxOffice, type Person } from "./box-office.ts";
import type { Answer, HoldView } from "./rest.ts";

export const PASSWORD = "correct horse battery";
export const ROLES = ["customer", "guest", "kiosk", "boxoffice", "gate", "admin"] as const satisfies readonly Role[];

type Body = Readonly<Record<string, unknown>>;
interface SignedIn {
  readonly user: { readonly id: string };
  readonly accessToken: string;
}

/** RFC 9457, as the contract narrows it. */
export const problem = (status: number, code: string) => ({
  status,
  body: {
    type: expect.any(String),
    title: expect.any(String),
    status,
    code,
    detail: expect.any(String),
    requestId: expect.any(String),
  },
});

export class Purchases {
  readonly #office: Pick<BoxOffice, "rest">;
  #people = 0;

  constructor(office: Pick<BoxOffice, "rest">) {
    this.#office = office;
  }

  async admin(): Promise<Person> {
    return this.#signIn("auth/login", { body: ADMIN }, 200);
  }

  async customer(name = "Ann"): Promise<Person & { readonly email: string }> {
    const email = `customer-${++this.#people}-${Date.now()}@example.com`;
    return { email, ...(await this.#signIn("auth/register", { body: { email, password: PASSWORD, name } }, 201)) };
  }

  /** Somebody new of each role; devices are made by the admin. */
  async person(role: Role): Promise<Person> {
    switch (role) {
      case "admin":
        return this.admin();
      case "customer":
        return this.customer();
      case "guest":
        return this.#office.rest.guest();
      case "kiosk":
      case "boxoffice":
      case "gate": {
        const { token } = await this.admin();
        const device = await this.#office.rest.post<Body>("devices", { token, body: { role } });
        const { deviceId, secret } = device.body;
        const signedIn = await this.#office.rest.post<SignedIn>("auth/device", { body: { deviceId, secret } });
        return { userId: String(deviceId), token: signedIn.body.accessToken };
      }
    }
  }

  async hold({ token }: Person, showtime: string, seats: readonly number[]): Promise<HoldView> {
    const { status, body } = await this.#office.rest.post<HoldView>(`showtimes/${showtime}/holds`, {
      token,
      body: { seats },
    });
    expect([status, body]).toEqual([201, expect.anything()]);
    return body;
  }

  /** Holds and books. */
  async book(
    person: Person,
    showtime: string,
    seats: readonly number[],
    more: Omit<BookingRequest, "holdId"> = {},
  ): Promise<Booking> {
    const { holdId } = await this.hold(person, showtime, seats);
    const answer = await this.#office.rest.post<Booking>("bookings", {
      token: person.token,
      body: { holdId, ...more },
    });
    expect([answer.status, answer.body]).toMatchObject([201, { status: "pending", seats }]);
    return answer.body;
  }

  pay({ token }: Person, id: string, by: string | { method: string; token?: string }): Promise<Answer<Body>> {
    const body = typeof by === "string" ? { method: "mock", token: by } : by;
    return this.#office.rest.post(`bookings/${id}/payments`, { token, body });
  }

  async read({ token }: Person, id: string): Promise<Booking> {
    const { status, body } = await this.#office.rest.get<Booking>(`bookings/${id}`, { token });
    expect([status, body]).toEqual([200, expect.anything()]);
    return body;
  }

  /** Polls the booking until it matches; says where it stands when it never does. */
  async comesTo(person: Person, id: string, expected: object, timeout = 25_000): Promise<Booking> {
    return vi.waitFor(
      async () => {
        const booking = await this.read(person, id);
        expect(booking).toMatchObject(expected);
        return booking;
      },
      { timeout, interval: 50 },
    );
  }

  async buy(person: Person, showtime: string, seats: readonly number[], token = "tok_ok"): Promise<Booking> {
    const { id } = await this.book(person, showtime, seats);
    expect((await this.pay(person, id, token)).status).toBe(202);
    return this.comesTo(person, id, { status: "confirmed" });
  }

  async tickets({ token }: Person, booking: string, count: number): Promise<Ticket[]> {
    const read = async (): Promise<Ticket[]> =>
      (await this.#office.rest.get<{ items: Ticket[] }>(`bookings/${booking}/tickets`, { token })).body.items;
    return vi.waitFor(
      async () => {
        const tickets = await read();
        expect(tickets).toHaveLength(count);
        return tickets;
      },
      { timeout: 20_000 },
    );
  }

  /** What the admin sees when our books are held against the gateways'. */
  async balances(): Promise<void> {
    const { token } = await this.admin();
    const differences = async (): Promise<unknown> =>
      (await this.#office.rest.get<Body>("payments/reconciliation", { token })).body["differences"];
    await vi.waitFor(async () => expect(await differences()).toEqual([]), { timeout: 30_000, interval: 200 });
  }

  async #signIn(path: string, asked: { body: object }, status: number): Promise<Person> {
    const { status: got, body } = await this.#office.rest.post<SignedIn>(path, asked);
    expect([path, got]).toEqual([path, status]);
    return { userId: body.user.id, token: body.accessToken };
  }
}
