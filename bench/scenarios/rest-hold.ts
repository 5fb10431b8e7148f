/** Buyers who hold a seat and release it over REST, each on seats of his own; every request is durable. */
import type { Scenario } from "../runner/scenario.ts";
import { ARENA } from "../stage/targets.ts";
import { restCase } from "./rest.ts";

export const restHold: Scenario = {
  name: "rest-hold",
  about: "durable holds and releases over REST",
  cases: (context) => [
    restCase(context, {
      name: "hold and release",
      scenario: "rest-hold",
      signedIn: true,
      hall: ARENA,
      requests: ({ showtimes: [first] }) => [
        { method: "POST", path: `/api/v1/showtimes/${first?.id ?? "0"}/holds`, body: '{"seats":[{seat}]}' },
        { method: "DELETE", path: "/api/v1/holds/{hold}" },
      ],
    }),
  ],
};
