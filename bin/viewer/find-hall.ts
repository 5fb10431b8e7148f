import { type Layout, Refused, type RestClient, type Showtime, Unreachable } from "../../client/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

export interface FoundHall {
  readonly showtime: Showtime;
  readonly layout: Layout;
  readonly webSocketUrl: string;
}

/** What to watch: the named showtime, else the next premiere on sale. @throws ExplainedError saying what to do. */
export async function findHall(rest: RestClient, options: { id?: string; webSocketUrl?: string }): Promise<FoundHall> {
  try {
    const showtime = await (options.id === undefined ? nextPremiere(rest) : rest.showtime(options.id));
    const webSocketUrl = options.webSocketUrl ?? (await rest.webSocketUrl());
    return { showtime, layout: await rest.layout(showtime.id), webSocketUrl };
  } catch (error) {
    if (error instanceof Unreachable) {
      throw new ExplainedError(`${capital(error.message)}: start it with npm start, or give its address with --http.`);
    }
    if (error instanceof Refused && error.code === "NOT_FOUND") {
      throw new ExplainedError(
        `There is no showtime ${options.id}: leave it out for the next premiere, or see GET /api/v1/showtimes.`,
      );
    }
    throw error;
  }
}

async function nextPremiere(rest: RestClient): Promise<Showtime> {
  const premieres = await rest.showtimes({ premiere: true });
  const showtime = premieres.find(({ status }) => status === "on-sale") ?? premieres[0] ?? (await rest.showtimes())[0];
  if (showtime === undefined) throw new ExplainedError("Nothing is on: the catalogue has no showtimes.");
  return showtime;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
