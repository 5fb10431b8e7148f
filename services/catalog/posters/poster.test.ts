import { describe, expect, it } from "vitest";
import { FILMS } from "../demo/films.ts";
import { drawPoster } from "./poster.ts";
import { MOTIF_NAMES } from "./poster-art.ts";

describe.each(FILMS)("the poster of $title", (film) => {
  const svg = drawPoster(film, film.poster);

  it("is the same each time, and names the film", () => {
    expect(drawPoster(film, film.poster)).toBe(svg);
    expect(svg.startsWith("<svg ")).toBe(true);
    expect(svg).toContain(`(${film.year})</title>`);
    for (const word of film.title.toUpperCase().split(" ")) expect(svg).toContain(word);
  });

  it("has only finite numbers and closes what it opens", () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.match(/<svg/g)).toHaveLength(svg.match(/<\/svg>/g)?.length ?? 0);
    expect(svg.match(/<g[ >]/g)?.length ?? 0).toBe(svg.match(/<\/g>/g)?.length ?? 0);
  });
});

it("gives each of the demo's films a motif and a palette of its own", () => {
  expect(new Set(FILMS.map((film) => film.poster.motif))).toEqual(new Set(MOTIF_NAMES));
  expect(new Set(FILMS.map(({ poster }) => `${poster.paper}${poster.ink}${poster.accent}`)).size).toBe(FILMS.length);
});

it("draws films that nobody chose a motif for, the same for the same id", () => {
  const film = { id: "mv_x1", title: "Xanadu", year: 2027, director: "Nobody", actors: [] };
  expect(drawPoster(film, null)).toBe(drawPoster(film, null));
  expect(drawPoster(film, null)).not.toBe(drawPoster({ ...film, id: "mv_x2" }, null));
});

it("shows hostile text as text", () => {
  const svg = drawPoster(
    {
      id: "mv_x",
      title: '<script>alert("1")</script> & \u0000\u0007',
      year: 2027,
      director: "]]>",
      actors: ["</svg>"],
    },
    null,
  );
  expect(svg).not.toMatch(/<script|]]>|<\/svg>[^<]/i);
  expect([...svg].every((character) => character >= " ")).toBe(true);
});
