/**
 * A process of the load generator (or of the engine alone), driven by its parent: `remote.ts` starts it and calls its methods by messages. Its first argument
 * names what it is.
 */
import { BenchError, explain } from "../bench-error.ts";
import { EngineLoad } from "../engine/engine-load.ts";
import { AskingLoad } from "./asking-load.ts";
import { CommandLoad } from "./command-load.ts";
import { HttpLoad } from "./http-load.ts";
import { PurchaseLoad } from "./purchase-load.ts";
import { SteadyLoad } from "./steady-load.ts";
import { ViewerLoad } from "./viewer-load.ts";

const KINDS = {
  commands: CommandLoad,
  viewers: ViewerLoad,
  http: HttpLoad,
  steady: SteadyLoad,
  purchases: PurchaseLoad,
  asking: AskingLoad,
  engine: EngineLoad,
} as const;
export type Kinds = { [Kind in keyof typeof KINDS]: InstanceType<(typeof KINDS)[Kind]> };

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: string;
      /** The message is a sentence for whoever runs the bench. */ readonly explained: boolean;
    };

const kind = process.argv[2] as keyof typeof KINDS; // Given by `remote.ts`.
// Its methods are called by name, as `remote.ts` has checked them.
const load = new KINDS[kind]() as unknown as Record<string, (...args: readonly unknown[]) => unknown>;

process.on("message", (call: Call) => void carryOut(call));
process.once("disconnect", () => process.exit(0));
// Ctrl-C goes to all processes of the terminal; the parent ends this one when it is done.
process.on("SIGINT", () => undefined);

async function carryOut({ id, method, args }: Call): Promise<void> {
  const answer = (message: Answer): void => void process.send?.(message);
  try {
    answer({ id, value: await load[method]?.(...args) });
  } catch (thrown) {
    const error = explain(thrown);
    const explained = error instanceof BenchError;
    answer({
      id,
      explained,
      error: error instanceof Error ? (explained ? error.message : (error.stack ?? error.message)) : String(error),
    });
  }
}
