/** Twelve films in the public domain of the United States. */
import type { PosterArt } from "../posters/poster-art.ts";

export interface Film {
  readonly id: string;
  readonly title: string;
  readonly year: number;
  readonly durationMinutes: number;
  readonly director: string;
  readonly actors: readonly string[];
  readonly genres: readonly string[];
  readonly synopsis: string;
  readonly poster: PosterArt;
}

export const FILMS: readonly Film[] = [
  {
    id: "mv_metropolis",
    title: "Metropolis",
    year: 1927,
    durationMinutes: 153,
    director: "Fritz Lang",
    actors: ["Brigitte Helm", "Alfred Abel", "Gustav Fröhlich", "Rudolf Klein-Rogge"],
    genres: ["Science Fiction", "Drama"],
    synopsis:
      "In a city whose thinkers live in towers and whose workers live below the ground, the ruler's son follows a woman into the depths, " +
      "and an inventor gives her face to a machine.",
    poster: { motif: "skyline", paper: "#efe3c8", ink: "#1b2430", accent: "#c9822b" },
  },
  {
    id: "mv_nosferatu",
    title: "Nosferatu",
    year: 1922,
    durationMinutes: 94,
    director: "F. W. Murnau",
    actors: ["Max Schreck", "Gustav von Wangenheim", "Greta Schröder", "Alexander Granach"],
    genres: ["Horror", "Fantasy"],
    synopsis:
      "A young clerk rides to the Carpathians to sell a house to a count who sleeps by day, and the plague follows the buyer home.",
    poster: { motif: "stairs", paper: "#cdd8c6", ink: "#141a17", accent: "#e6e2c0" },
  },
  {
    id: "mv_general",
    title: "The General",
    year: 1926,
    durationMinutes: 79,
    director: "Clyde Bruckman, Buster Keaton",
    actors: ["Buster Keaton", "Marion Mack", "Glen Cavender", "Jim Farley"],
    genres: ["Comedy", "Action", "War"],
    synopsis:
      "An engine driver whom the army would not take has his locomotive stolen, his love with it, and sets out after both, alone and on foot.",
    poster: { motif: "rails", paper: "#f2ead8", ink: "#2a2d34", accent: "#b5482f" },
  },
  {
    id: "mv_sherlock_jr",
    title: "Sherlock Jr.",
    year: 1924,
    durationMinutes: 45,
    director: "Buster Keaton",
    actors: ["Buster Keaton", "Kathryn McGuire", "Joe Keaton", "Ward Crane"],
    genres: ["Comedy", "Mystery"],
    synopsis:
      "A projectionist who is learning to be a detective falls asleep at work, and walks into the film on the screen to solve its crime.",
    poster: { motif: "projector", paper: "#20263a", ink: "#f1e8d0", accent: "#e2b04a" },
  },
  {
    id: "mv_safety_last",
    title: "Safety Last!",
    year: 1923,
    durationMinutes: 74,
    director: "Fred C. Newmeyer, Sam Taylor",
    actors: ["Harold Lloyd", "Mildred Davis", "Bill Strother", "Noah Young"],
    genres: ["Comedy", "Thriller"],
    synopsis:
      "A shop assistant promises his employer a crowd, and ends up climbing the outside of the department store himself, storey by storey.",
    poster: { motif: "clock", paper: "#f4e7cf", ink: "#23304a", accent: "#d9603b" },
  },
  {
    id: "mv_caligari",
    title: "The Cabinet of Dr. Caligari",
    year: 1920,
    durationMinutes: 74,
    director: "Robert Wiene",
    actors: ["Werner Krauss", "Conrad Veidt", "Friedrich Feher", "Lil Dagover"],
    genres: ["Horror", "Mystery", "Thriller"],
    synopsis:
      "At the fair a showman wakes a sleepwalker who knows the future; in the crooked streets of the town, what he foretells comes true.",
    poster: { motif: "shards", paper: "#e9dcc0", ink: "#23202b", accent: "#b9523c" },
  },
  {
    id: "mv_trip_to_the_moon",
    title: "A Trip to the Moon",
    year: 1902,
    durationMinutes: 15,
    director: "Georges Méliès",
    actors: ["Georges Méliès", "Victor André", "Bleuette Bernon", "Jehanne d'Alcy"],
    genres: ["Science Fiction", "Adventure", "Fantasy"],
    synopsis:
      "Six astronomers have themselves shot at the moon by a cannon, hit it in the eye, and meet its people. Shown with live piano.",
    poster: { motif: "moon", paper: "#1f2c4a", ink: "#f6efdc", accent: "#c99a3c" },
  },
  {
    id: "mv_phantom",
    title: "The Phantom of the Opera",
    year: 1925,
    durationMinutes: 107,
    director: "Rupert Julian",
    actors: ["Lon Chaney", "Mary Philbin", "Norman Kerry", "Arthur Edmund Carewe"],
    genres: ["Horror", "Romance"],
    synopsis:
      "Below the Paris Opera lives a man behind a mask who makes a singer famous, and will not share her with the world above.",
    poster: { motif: "mask", paper: "#f3ead9", ink: "#1c1418", accent: "#8e1f2f" },
  },
  {
    id: "mv_potemkin",
    title: "Battleship Potemkin",
    year: 1925,
    durationMinutes: 74,
    director: "Sergei Eisenstein",
    actors: ["Aleksandr Antonov", "Vladimir Barsky", "Grigori Aleksandrov"],
    genres: ["Drama", "History", "War"],
    synopsis:
      "Spoiled meat makes the crew of a warship rise against its officers, and the city of Odessa comes down its great steps to greet them.",
    poster: { motif: "waves", paper: "#efe6d4", ink: "#22303c", accent: "#c2332b" },
  },
  {
    id: "mv_gold_rush",
    title: "The Gold Rush",
    year: 1925,
    durationMinutes: 95,
    director: "Charlie Chaplin",
    actors: ["Charlie Chaplin", "Georgia Hale", "Mack Swain", "Tom Murray"],
    genres: ["Comedy", "Adventure"],
    synopsis:
      "A lone prospector goes to the Klondike for gold, and finds hunger, a dance of bread rolls, a hut on the brink, and Georgia.",
    poster: { motif: "peaks", paper: "#f6f4ec", ink: "#2c4258", accent: "#d99b2b" },
  },
  {
    id: "mv_living_dead",
    title: "Night of the Living Dead",
    year: 1968,
    durationMinutes: 96,
    director: "George A. Romero",
    actors: ["Duane Jones", "Judith O'Dea", "Karl Hardman", "Marilyn Eastman"],
    genres: ["Horror", "Thriller"],
    synopsis:
      "Seven strangers shut themselves up in a farmhouse for a night, while the dead stand outside, and the trouble is already within.",
    poster: { motif: "graves", paper: "#d8d3c4", ink: "#15171a", accent: "#a3212a" },
  },
  {
    id: "mv_girl_friday",
    title: "His Girl Friday",
    year: 1940,
    durationMinutes: 92,
    director: "Howard Hawks",
    actors: ["Cary Grant", "Rosalind Russell", "Ralph Bellamy", "Gene Lockhart"],
    genres: ["Comedy", "Romance"],
    synopsis:
      "An editor learns that his best reporter, once his wife, leaves tomorrow to marry another man; he has one story left to keep her with.",
    poster: { motif: "headlines", paper: "#f2e8d6", ink: "#26313f", accent: "#cf5a45" },
  },
];
