/** `npm run bench`: measures Usher beside its limits and its peers, in turns, and reports. */
import { renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../platform/clock/index.ts";
import { makeDirectory } from "../platform/directory/index.ts";
import { messageOf } from "../platform/explained/index.ts";
import { onFirstSignal } from "../platform/lifecycle/index.ts";
import { BenchError } from "./bench-error.ts";
import { reportOf } from "./report/html.ts";
import { compareLines, readResults } from "./runner/compare.ts";
import { describeCommit, describeMachine, diskNotes, loadNow, versionsIn } from "./runner/machine.ts";
import { createProgress, type Progress } from "./runner/progress.ts";
import { FORMAT, type Results } from "./runner/results.ts";
import { type Run, runScenarios } from "./runner/run.ts";
import type { Scenario } from "./runner/scenario.ts";
import { HELP, parseRequest, type Settings } from "./runner/settings.ts";
import { summaryLines } from "./runner/summary.ts";
import { type ChosenScenarios, chooseScenarios } from "./runner/choose.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { choosePeers, peerLines } from "./runner/peers.ts";
import { requireConnections } from "./stage/machine-limits.ts";

interface Place {
  /** The checkout's. */
  readonly root: URL;
  readonly worker: URL;
}

/** @returns the exit code. */
export async function bench(
  args: readonly string[],
  place: Place,
  scenarios: readonly Scenario[] = SCENARIOS,
): Promise<number> {
  try {
    const request = parseRequest(args);
    switch (request.kind) {
      case "help":
        console.log(HELP);
        break;
      case "list":
        console.log("Scenarios (--only):");
        for (const { name, about } of scenarios) console.log(`  ${name.padEnd(32)} ${about}`);
        console.log("\nPeers (--peer):");
        for (const line of peerLines()) console.log(`  ${line}`);
        break;
      case "compare": {
        const [before, after] = request.files;
        for (const line of compareLines(readResults(before), readResults(after))) console.log(line);
        break;
      }
      case "run":
        await run(chooseScenarios(scenarios, request.settings.only), request.settings, args, place);
        break;
    }
    return 0;
  } catch (error) {
    console.error(error instanceof BenchError ? error.message : error);
    return 1;
  }
}

/** A signal ends it between two steps, so that servers and generators end with it, and what was measured is reported. */
async function run(...what: readonly [ChosenScenarios, Settings, readonly string[], Place]): Promise<void> {
  const progress = createProgress(process.stderr);
  const stopping = new AbortController();
  const listenNoMore = onFirstSignal(process, systemClock, (name) => {
    progress.say(`${name}: stopping; once more to end at once.`);
    stopping.abort(new BenchError(`Stopped by ${name}.`));
  });
  try {
    await measureAndReport(progress, stopping.signal, ...what);
  } finally {
    listenNoMore();
  }
}

async function measureAndReport(
  progress: Progress,
  signal: AbortSignal,
  { scenarios, notes: scenariosLeftOut }: ChosenScenarios,
  settings: Settings,
  args: readonly string[],
  { root, worker }: Place,
): Promise<void> {
  if (settings.connections !== undefined) requireConnections(settings.connections);
  const { peers, notes: peersLeftOut } = choosePeers(settings.peers, root, settings.only);
  const notes = [...scenariosLeftOut, ...peersLeftOut, ...diskNotes(tmpdir())];
  const path = fileURLToPath(root);
  const out = resolve(settings.out);
  makeOut(out);
  const begunAt = new Date();
  const commit = describeCommit(path);
  const versionsOf = versionsIn(path, peers);
  for (const note of notes) progress.say(note);
  const loadBefore = loadNow();
  const resultsOf = ({ scenarios: measured, programs, failure }: Run): Results => ({
    format: FORMAT,
    begunAt: begunAt.toISOString(),
    scenarios: measured,
    endedAt: new Date().toISOString(),
    machine: describeMachine(loadBefore),
    versions: versionsOf(programs, measured),
    commit,
    command: `npm run bench${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`,
    settings,
    notes: failure === undefined ? notes : [...notes, `The run was broken off: ${failure.message}`],
  });
  const keep = (so: Run): void => writeWhole(`${out}/results.json`, `${JSON.stringify(resultsOf(so), undefined, 1)}\n`);
  const ended = await runScenarios({
    root,
    worker,
    settings: { ...settings, peers, out },
    scenarios,
    progress,
    signal,
    keep,
  });
  progress.clear();
  const { failure } = ended;
  if (failure !== undefined && ended.scenarios.length === 0) throw failure;
  keep(ended);
  const results = resultsOf(ended);
  writeFileSync(`${out}/report.html`, reportOf(results));
  for (const line of summaryLines(results.scenarios)) console.log(line);
  console.log(`\n${out}/results.json\n${out}/report.html`);
  if (failure !== undefined) throw failure;
}

/** @throws BenchError when there can be no such directory. */
function makeOut(out: string): void {
  try {
    makeDirectory(out);
  } catch (error) {
    const why = messageOf(error);
    throw new BenchError(`--out ${out} is no directory, and none can be made there (${why}).`, { cause: error });
  }
}

/** Whoever is killed meanwhile leaves the file that was there before. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
