/** People who look around: which movies there are, and when they are shown. */
import type { Scenario } from "../runner/scenario.ts";
import { restCase } from "./parts/rest.ts";

export const browse: Scenario = {
  name: "browse",
  about: "catalogue pages over REST: the list of movies, and the list of showtimes",
  cases: (context) => [
    restCase(context, {
      name: "catalogue",
      scenario: "browse",
      signedIn: false,
      requests: () => [
        { method: "GET", path: "/api/v1/movies", expects: 200 },
        { method: "GET", path: "/api/v1/showtimes", expects: 200 },
      ],
    }),
  ],
};
