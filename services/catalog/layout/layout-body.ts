import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Showtime } from "../../../proto/rest/index.ts";
import { etagOf } from "../../../platform/http/index.ts";

const compress = promisify(gzip);

/** An answer to `GET /showtimes/:id/layout`, plain and in gzip. A strong tag names bytes, so each has its own. */
export class LayoutBody {
  readonly plain: Buffer;
  readonly etag: string;
  readonly zippedEtag: string;
  #zipped: Promise<Buffer> | undefined;

  /** @param seats the hall's seats as JSON: the same for all its showtimes, so they are written once */
  constructor({ id, categories }: Pick<Showtime, "id" | "categories">, seats: Buffer) {
    this.plain = Buffer.concat([
      Buffer.from(`{"showtimeId":${JSON.stringify(id)},"seats":`),
      seats,
      Buffer.from(`,"categories":${JSON.stringify(categories)}}`),
    ]);
    this.etag = etagOf(this.plain);
    this.zippedEtag = etagOf(`${this.etag} gzip`);
  }

  /** Made when somebody takes it for the first time. */
  get zipped(): Promise<Buffer> {
    return (this.#zipped ??= compress(this.plain));
  }
}
