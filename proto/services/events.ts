/** What services tell each other of their events; the events themselves go over the stream, see `proto/events.ts`. */
import { plainCodec, type Topic } from "../subject.ts";

/** A schema's outbox has new rows: a hint for the process that takes them to the stream, which looks now and then by itself. */
export const OUTBOX_WRITTEN: Topic<{ readonly schema: string }> = { name: "events.outbox", codec: plainCodec() };
