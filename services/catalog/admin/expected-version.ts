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
 * @param names whether an `If-Match` names it: by all of that answer, unless said otherwise
 * @throws Problem CONFLICT when somebody else has changed it meanwhile
 */
export function requireExpected<Resource extends { readonly version: number }>(
  { version, ifMatch }: Expected,
  current: Resource,
  names: (ifMatch: string, current: Resource) => boolean = namesAnswer,
): void {
  const fits =
    (version === undefined || version === current.version) && (ifMatch === undefined || names(ifMatch, current));
  if (fits) return;
  throw new Problem("CONFLICT", "Somebody has changed it meanwhile: read it again, and change what is there now.", {
    version: current.version,
  });
}

const namesAnswer = (ifMatch: string, current: unknown): boolean => namesTag(ifMatch, etagOf(JSON.stringify(current)));
