import { fnv1a } from "../../proto/index.ts";

/**
 * Which of several members should own a shard: the one whose hash together with the shard is the highest. A member that joins
 * takes its fair share from all others alike, and one that leaves gives its share to all others alike; nothing else moves.
 *
 * Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous" (1996).
 */
export function ownerOf(shard: number, members: Iterable<string>): string | undefined {
  let owner: string | undefined;
  let highest = -1;
  for (const member of members) {
    const weight = weightOf(shard, member);
    if (weight < highest || (weight === highest && owner !== undefined && owner < member)) continue;
    highest = weight;
    owner = member;
  }
  return owner;
}

/** FNV-1a over the name and the shard, then the finalizer of MurmurHash3, so that names which differ in one letter are far apart. */
function weightOf(shard: number, member: string): number {
  let hash = fnv1a(`${member}/${shard}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
