/** Buyers who hold a seat and release it over REST, each on seats of his own; every request is durable. */
import { BenchError } from "../bench-error.ts";
import type { Scenario, ScenarioContext } from "../runner/scenario.ts";
import { ARENA } from "../stage/targets.ts";
import { CONNECTIONS, restCase, type RestWork, steadyCase } from "./parts/rest.ts";

export const HOLD_AND_RELEASE: RestWork = {
  name: "hold and release",
  scenario: "rest-hold",
  signedIn: true,
  hall: ARENA,
  requests: ({ showtimes: [first] }) => [
    { method: "POST", path: `/api/v1/showtimes/${first?.id ?? "0"}/holds`, body: '{"seats":[{seat}]}', expects: 201 },
    { method: "DELETE", path: "/api/v1/holds/{hold}", expects: 204 },
  ],
};

export const restHold: Scenario = {
  name: "rest-hold",
  about: "durable holds and releases over REST; as fast as it goes, and at a steady rate",
  *cases(context) {
    requireSeats(context);
    yield restCase(context, HOLD_AND_RELEASE);
    yield steadyCase(context, HOLD_AND_RELEASE);
  },
};

/** A round takes seats that no round before took, one per connection. @throws BenchError when they do not last. */
export function requireSeats({ settings: { connections = CONNECTIONS, rounds } }: ScenarioContext): void {
  const seats = connections * rounds;
  if (seats <= ARENA.seats) return;
  throw new BenchError(
    `${connections} connections need ${seats} seats in ${rounds} rounds of holds over REST, and there are ${ARENA.seats}: use fewer.`,
  );
}
