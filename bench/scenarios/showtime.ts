/** People who open a showtime's page: what it is, where its seats are, which of them are free. */
import type { Scenario } from "../runner/scenario.ts";
import { restCase } from "./rest.ts";

export const showtime: Scenario = {
  name: "showtime",
  about: "a showtime's page over REST: the showtime, its layout, its seats",
  cases: (context) => [
    restCase(context, {
      name: "page",
      scenario: "showtime",
      signedIn: false,
      requests({ showtimes: [first] }) {
        const path = `/api/v1/showtimes/${first?.id ?? "0"}`;
        return [
          { method: "GET", path, expects: 200 },
          { method: "GET", path: `${path}/layout`, expects: 200 },
          { method: "GET", path: `${path}/seats`, expects: 200 },
        ];
      },
    }),
  ],
};
