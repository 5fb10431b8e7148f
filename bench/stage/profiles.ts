/** CPU profiles of processes, where they are wanted. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface Profiles {
  /** Arguments that make Node write profiles: of each process its own, and of each of its threads. None where none are wanted. */
  argumentsFor(name: string): readonly string[];
  /** Once all have ended: each lies in the folder, named for its process. @returns whose process wrote none */
  gather(): readonly string[];
}

/** As Node names them: date, time, process, thread (0 is the main one), and how many there were before. */
const NAMED_BY_NODE = /^CPU\.\d+\.\d+\.\d+\.(\d+)\.\d+\.cpuprofile$/;

/** @param dir where they are to lie; undefined: none are wanted */
export function createProfiles(dir: string | undefined): Profiles {
  const processes: { readonly name: string; readonly folder: string }[] = [];
  return {
    argumentsFor(name) {
      if (dir === undefined) return [];
      // A folder and not a name: threads have their process's arguments, and would write over each other's file.
      const folder = join(dir, `${name}-${Date.now()}-${processes.length + 1}`);
      processes.push({ name, folder });
      return ["--cpu-prof", `--cpu-prof-dir=${folder}`];
    },
    gather() {
      for (const { folder } of processes) {
        for (const file of existsSync(folder) ? readdirSync(folder) : []) {
          const thread = NAMED_BY_NODE.exec(file)?.[1] ?? file;
          renameSync(join(folder, file), `${folder}${thread === "0" ? "" : `-thread-${thread}`}.cpuprofile`);
        }
        rmSync(folder, { recursive: true, force: true });
      }
      return processes.flatMap(({ name, folder }) => (existsSync(`${folder}.cpuprofile`) ? [] : [name]));
    },
  };
}
