import { expect, it } from "vitest";
import { whyNotMade } from "./cluster.ts";

const FULL = `
creating configuration files ... ok
running bootstrap script ... 2026-11-29 05:14:40.683 UTC [13540] FATAL:  could not write to file "pg_wal/xlogtemp.13540": No space left on device
child process exited with exit code 1
initdb: removing data directory "/data/postgres.new-1"
`;
const FORBIDDEN = `
initdb: error: could not access directory "/data/postgres.new-1": Permission denied
initdb: removing contents of data directory "/data/postgres.new-1"
`;
const STATEMENT = `
performing post-bootstrap initialization ... 2026-11-29 05:14:41.811 UTC [13566] FATAL:  out of memory
2026-11-29 05:14:41.811 UTC [13566] STATEMENT:  CREATE DATABASE template0
	
child process exited with exit code 1
`;

const NOT_MADE = "The embedded PostgreSQL could not make its data directory";

it.each([
  [
    FULL,
    `${NOT_MADE}, because the disk of DATA_DIR is full: free space there (FATAL:  could not write to file "pg_wal/xlogtemp.13540": No space left on device).`,
  ],
  [FORBIDDEN, `${NOT_MADE}: error: could not access directory "/data/postgres.new-1": Permission denied`],
  [STATEMENT, `${NOT_MADE}: FATAL:  out of memory`],
  ["initdb: never heard of", `${NOT_MADE}: initdb: never heard of`],
  ["\n", ""],
])("names the cause, and not what PostgreSQL's programs did about it: %#", (output, sentence) => {
  expect(whyNotMade(output)).toBe(sentence);
});
