import { CORE_LIMITS } from "../limits.ts";

/** For one wish, the nearest group of each row part, as of when the part last changed. A distance of `Infinity` means none. */
export class PartGroups {
  /** `ShowtimeState.turns` of each part when it was looked through; 0 for never. */
  readonly turns: Uint32Array;
  readonly tidy: Int32Array;
  readonly tidyDistance: Float64Array;
  readonly untidy: Int32Array;
  readonly untidyDistance: Float64Array;

  constructor(parts: number) {
    this.turns = new Uint32Array(parts);
    this.tidy = new Int32Array(parts);
    this.tidyDistance = new Float64Array(parts);
    this.untidy = new Int32Array(parts);
    this.untidyDistance = new Float64Array(parts);
  }
}

/** What best available found out, by wish. Nothing rests on it: a state that was read from bytes has none, and decides the same. */
export class NearestGroups {
  readonly #wishes = new Map<string, PartGroups>();

  of(wish: string, parts: number): PartGroups {
    let groups = this.#wishes.get(wish);
    if (groups === undefined) {
      if ((this.#wishes.size + 1) * parts > CORE_LIMITS.partGroupsMax) this.#wishes.clear();
      groups = new PartGroups(parts);
      this.#wishes.set(wish, groups);
    }
    return groups;
  }

  forget(): void {
    this.#wishes.clear();
  }
}
