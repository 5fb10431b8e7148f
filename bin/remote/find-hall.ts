import { type Layout, Refused, type RestClient, type Showtime } from "../../client/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { explained } from "./explained.ts";

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
    if (error instanceof Refused && error.code === "NOT_FOUND" && options.id !== undefined) {
      throw new ExplainedError(
        `There is no showtime ${options.id}: leave it out for the next premiere, or see GET /api/v1/showtimes.`,
      );
    }
    throw explained(error);
  }
}

async function nextPremiere(rest: RestClient): Promise<Showtime> {
  const premieres = await rest.showtimes({ premiere: true });
  const showtime = premieres.find(({ status }) => status === "on-sale") ?? premieres[0] ?? (await rest.showtimes())[0];
  if (showtime === undefined) throw new ExplainedError("Nothing is on: the catalogue has no showtimes.");
  return showtime;
}
