/** What `npm run bench` is asked for. */
import { parseArgs } from "node:util";
import { BenchError } from "../bench-error.ts";

export interface Settings {
  readonly only: readonly string[] | undefined;
  /** Undefined: the usual ones, as far as they are installed. */
  readonly peers: readonly string[] | undefined;
  /** Undefined: each scenario's own. */
  readonly seconds: number | undefined;
  readonly rounds: number;
  /** Undefined: each scenario's own. */
  readonly connections: number | undefined;
  readonly inFlight: number;
  /** Commands or changes a second, of open loads; undefined: each scenario's own. */
  readonly rate: number | undefined;
  readonly out: string;
  readonly profile: boolean;
}

/** Seconds of a round that are measured. */
export const secondsOf = ({ seconds }: Settings, usual = 3): number => seconds ?? usual;

export type Request =
  | { readonly kind: "help" | "list" }
  | { readonly kind: "compare"; readonly files: readonly [string, string] }
  | { readonly kind: "run"; readonly settings: Settings };

export const HELP = `npm run bench [-- OPTIONS]        measures, prints a table, writes results.json and report.html
npm run bench -- --list           names the scenarios and the peers
npm run bench -- compare A B      what changed between two results.json

  --only NAME,...     these scenarios alone
  --peer NAME,...     these peers; "all", or "none" (default: those that Usher's targets are about, if installed)
  --seconds N         of each round that are measured (default: 3; at a steady rate, and for one change at a time, 10;
                      for the engine alone 1; takeover: ten kills)
  --rounds N          in which subjects take turns, A B B A (default: 5)
  --connections N     instead of the scenario's own number
  --in-flight N       commands that a connection has in flight, where the load is closed (default: 1)
  --rate N            commands or changes a second, where the load is open; leaves out one change at a time
  --out DIR           where results go (default: bench/out)
  --profile           every server process, and the engine alone, writes a CPU profile there`;

/** @throws BenchError that says what is wrong, in one sentence. */
export function parseRequest(args: readonly string[]): Request {
  const { values, positionals } = parse(args);
  if (values.help) return { kind: "help" };
  if (values.list) return { kind: "list" };
  const [command, first, second, ...more] = positionals;
  if (command === "compare") {
    if (first === undefined || second === undefined || more.length > 0) {
      throw new BenchError("compare takes two results.json: npm run bench -- compare BEFORE AFTER.");
    }
    return { kind: "compare", files: [first, second] };
  }
  if (command !== undefined) throw new BenchError(`There is no command ${command}: see npm run bench -- --help.`);
  return {
    kind: "run",
    settings: {
      only: names("only", values.only),
      peers: names("peer", values.peer),
      seconds: whole("seconds", values.seconds, 1_000_000),
      rounds: whole("rounds", values.rounds, 1_000) ?? 5,
      connections: whole("connections", values.connections, 1_000_000),
      inFlight: whole("in-flight", values["in-flight"], 64) ?? 1,
      rate: whole("rate", values.rate, 1_000_000),
      out: values.out ?? "bench/out",
      profile: values.profile ?? false,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        list: { type: "boolean" },
        only: { type: "string", multiple: true },
        peer: { type: "string", multiple: true },
        seconds: { type: "string" },
        rounds: { type: "string" },
        connections: { type: "string" },
        "in-flight": { type: "string" },
        rate: { type: "string" },
        out: { type: "string" },
        profile: { type: "boolean" },
      },
    });
  } catch (error) {
    const [sentence = ""] = error instanceof Error ? error.message.split(/\.\s/) : [];
    throw new BenchError(`${sentence}: see npm run bench -- --help.`, { cause: error });
  }
}

function names(option: string, values: readonly string[] | undefined): readonly string[] | undefined {
  const named = values?.flatMap((value) => value.split(",")).filter((name) => name !== "");
  if (named?.length === 0) throw new BenchError(`--${option} names nothing: see npm run bench -- --list.`);
  return named && [...new Set(named)];
}

function whole(name: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new BenchError(`--${name} must be a whole number from 1 to ${max}, and is "${text}".`);
}
