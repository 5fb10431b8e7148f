import { messageOf } from "../explained/index.ts";

/** Why something does not work, as the log was told last: what goes on for the same reason is said once. */
export class ReasonTold {
  #reason: string | undefined;

  /** @returns whether it is another reason than the log knows; it is to be told then */
  isNews(error: unknown): boolean {
    const reason = messageOf(error);
    const isNews = reason !== this.#reason;
    this.#reason = reason;
    return isNews;
  }

  /** It works: whatever comes next is news. */
  forget(): void {
    this.#reason = undefined;
  }
}
