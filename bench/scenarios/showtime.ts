/** People who open a showtime's page: what it is, where its seats are, which of them are free. */
import type { Scenario } from "../runner/scenario.ts";
import type { Target } from "../stage/targets.ts";
import { restCase, steadyPages } from "./rest.ts";

const PAGE = "page";

export const showtime: Scenario = {
  name: "showtime",
  about: "a showtime's page over REST: the showtime, its layout, its seats; as fast as it goes, and at a steady rate",
  *cases(context) {
    yield restCase(context, {
      name: PAGE,
      scenario: "showtime",
      signedIn: false,
      requests: (target) => pathsOf(target).map((path) => ({ method: "GET", path, expects: 200 })),
    });
    yield steadyPages(context, { name: "page, steady rate", scenario: "showtime", after: PAGE, paths: pathsOf });
  },
};

function pathsOf({ showtimes: [first] }: Target): readonly string[] {
  const path = `/api/v1/showtimes/${first?.id ?? "0"}`;
  return [path, `${path}/layout`, `${path}/seats`];
}
