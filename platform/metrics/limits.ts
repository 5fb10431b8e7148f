/** What PostgreSQL and JetStream have to answer a scrape, milliseconds; what they know is left out then. */
export const METRICS_LOOK_MS = 1_000;
