import { etagOf, namesTag, Problem } from "../../../platform/http/index.ts";

/** What whoever changes something believes to change: its version, or its ETag (RFC 9110, 13.1.1), or both. */
export interface Expected {
  readonly version?: number | undefined;
  readonly ifMatch: string | undefined;
}

/**
 * Whoever says nothing changes what is there, whatever it is, as HTTP has it.
 *
 * @param current the resource as a GET answers it now, its row locked
 * @throws Problem CONFLICT when somebody else has changed it meanwhile
 */
export function requireExpected({ version, ifMatch }: Expected, current: { readonly version: number }): void {
  const fits =
    (version === undefined || version === current.version) &&
    (ifMatch === undefined || namesTag(ifMatch, etagOf(JSON.stringify(current))));
  if (fits) return;
  throw new Problem("CONFLICT", "Somebody has changed it meanwhile: read it again, and change what is there now.", {
    version: current.version,
  });
}
