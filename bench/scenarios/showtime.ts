/** People who open a showtime's page: what it is, where its seats are, which of them are free. */
import type { Scenario } from "../runner/scenario.ts";
import { restCase, type RestWork, steadyCase } from "./parts/rest.ts";

const PAGE: RestWork = {
  name: "page",
  scenario: "showtime",
  signedIn: false,
  requests({ showtimes: [first] }) {
    const path = `/api/v1/showtimes/${first?.id ?? "0"}`;
    return [path, `${path}/layout`, `${path}/seats`].map((one) => ({ method: "GET", path: one, expects: 200 }));
  },
};

export const showtime: Scenario = {
  name: "showtime",
  about: "a showtime's page over REST: the showtime, its layout, its seats; as fast as it goes, and at a steady rate",
  *cases(context) {
    yield restCase(context, PAGE);
    yield steadyCase(context, PAGE);
  },
};
