import type { Subscription } from "../bus/index.ts";
import type { Revocation } from "../../proto/services/index.ts";

/** The families that are signed out, each until its last token has run out by itself. */
export class Revocations {
  readonly #until = new Map<string, number>();
  readonly #handlers = new Set<(family: string) => void>();

  has(family: string): boolean {
    return this.#until.has(family);
  }

  add({ family, until }: Revocation): void {
    const known = this.#until.get(family);
    this.#until.set(family, Math.max(until, known ?? 0));
    if (known !== undefined) return;
    for (const handler of this.#handlers) handler(family);
  }

  dropOlderThan(now: number): void {
    for (const [family, until] of this.#until) if (until < now) this.#until.delete(family);
  }

  onAdded(handler: (family: string) => void): Subscription {
    // A wrapper, so that one handler registered twice is called, and closed, twice.
    const own = (family: string): void => handler(family);
    this.#handlers.add(own);
    return { close: () => void this.#handlers.delete(own) };
  }
}
