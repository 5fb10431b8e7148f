/** `npm run bench`: measures, and prints ratios against a peer in the same run. */
import { parseArgs } from "node:util";
import { core } from "./core.ts";
import { holdRush } from "./hold-rush.ts";
import { viewers } from "./viewers.ts";

const { values } = parseArgs({
  options: {
    list: { type: "boolean", default: false },
    only: { type: "string" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "500" },
    "in-flight": { type: "string", default: "1" },
    viewers: { type: "string", default: "5000" },
    idle: { type: "string", default: "10000" },
    profile: { type: "boolean", default: false },
  },
});

const whole = (name: "seconds" | "rounds" | "connections" | "in-flight" | "viewers" | "idle"): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`--${name} must be a whole number above 0, but is ${values[name]}.`);
  process.exit(1);
};

const SCENARIOS: Readonly<Record<string, { readonly about: string; run(): Promise<void> | void }>> = {
  core: { about: "decisions a second of the engine's core, replay, best available", run: () => core() },
  "hold-rush": {
    about:
      "durable holds and releases a second through WebSocket on one hot showtime, against the bare loop (--connections --in-flight --seconds --rounds)",
    run: () =>
      holdRush({
        seconds: whole("seconds"),
        rounds: whole("rounds"),
        connections: whole("connections"),
        inFlight: whole("in-flight"),
        profile: values.profile,
      }),
  },
  viewers: {
    about: "memory of idle viewers, and one hold's way to thousands of them (--idle --viewers)",
    run: () => viewers({ idle: whole("idle"), watching: whole("viewers"), holds: 20, profile: values.profile }),
  },
};

if (values.list) {
  for (const [name, { about }] of Object.entries(SCENARIOS)) console.log(`${name.padEnd(10)} ${about}`);
} else {
  const names = values.only === undefined ? Object.keys(SCENARIOS) : values.only.split(",");
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) {
      console.error(`There is no scenario ${name}: npm run bench -- --list names them.`);
      process.exit(1);
    }
    console.log(`\n${name}: ${scenario.about}`);
    await scenario.run();
  }
}
process.exit(0);
