/** Under what the description of the API lists them all. */
export const tags = ["catalogue"];
