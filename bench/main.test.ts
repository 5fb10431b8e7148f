import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { prepared } from "../platform/testing/prepared.ts";
import { bench } from "./main.ts";
import { createHistogram, encodeHistogram } from "./load/recorder.ts";
import { latencyOf } from "./runner/latency.ts";
import { PEERS } from "./peers/index.ts";
import type { Results } from "./runner/results.ts";
import type { Measured, Scenario, SubjectPlan } from "./runner/scenario.ts";
import type { Settings } from "./runner/settings.ts";
import { startRush } from "./scenarios/hold-rush.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { loginStorm } from "./scenarios/login-storm.ts";
import { requireConnections } from "./stage/machine-limits.ts";
import { ARENA, startPlainServer } from "./stage/targets.ts";

const PLACE = {
  root: new URL("../", import.meta.url),
  worker: new URL("../dist/bench/load/worker.js", import.meta.url),
};
const RUN_TIMEOUT_MS = 120_000;

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The run has ended it before.
  }
}

const NONE: Settings = {
  only: undefined,
  peers: [],
  seconds: 1,
  rounds: 1,
  connections: undefined,
  inFlight: 1,
  rate: undefined,
  out: "",
  profile: false,
};

/** As many as this machine bears, by its own word, and as may be asked for. */
function connectionsMax(): number {
  const asked = 1_000_000;
  try {
    requireConnections(asked);
  } catch (error) {
    return Number(/(\d+) at most/.exec(String(error))?.[1]);
  }
  return asked;
}

let out: string;
let said: string[];
let complained: string[];

beforeAll(prepared);

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
  said = [];
  complained = [];
  vi.spyOn(console, "log").mockImplementation((line: unknown) => void said.push(String(line)));
  vi.spyOn(console, "error").mockImplementation((line: unknown) => void complained.push(String(line)));
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(out, { recursive: true, force: true });
});

describe("what npm run bench is asked for", () => {
  it.each([
    [["--only", "nonsense"], "There is no scenario nonsense: npm run bench -- --list names them."],
    [["--only", "core", "--peer", "nonsense"], "There is no peer nonsense: npm run bench -- --list names them."],
    [["--only", "core", "--peer", "all,nonsense"], "There is no peer nonsense: npm run bench -- --list names them."],
    [
      ["--only", "core,wire", "--peer", "socket.io-naive"],
      "The peer socket.io-naive takes part in viewer-fanout, kiosk-soak alone, and not in core, wire.",
    ],
    [["--only", ","], "--only names nothing: see npm run bench -- --list."],
    [["--peer", ""], "--peer names nothing: see npm run bench -- --list."],
    [["--seconds", "0"], '--seconds must be a whole number from 1 to 1000000, and is "0".'],
    [["--rounds", "many"], '--rounds must be a whole number from 1 to 1000, and is "many".'],
    [["--connections", "1e3"], '--connections must be a whole number from 1 to 1000000, and is "1e3".'],
    [["--rounds", "-1"], "Option '--rounds' argument is ambiguous: see npm run bench -- --help."],
    [
      ["--only", "core", "--out", "/etc/passwd"],
      "--out /etc/passwd is no directory, and none can be made there (EEXIST: file already exists, mkdir '/etc/passwd').",
    ],
    [["--nonsense"], "Unknown option '--nonsense': see npm run bench -- --help."],
    [["frobnicate"], "There is no command frobnicate: see npm run bench -- --help."],
    [["compare", "only-one"], "compare takes two results.json: npm run bench -- compare BEFORE AFTER."],
  ])("%j is refused in one sentence", async (args, sentence) => {
    expect(await bench(args, PLACE)).toBe(1);
    expect(complained).toEqual([sentence]);
  });

  it.each(SCENARIOS)("has each peer in $name that says it takes part there, and no other", ({ name, cases }) => {
    const settings = { ...NONE, peers: Object.keys(PEERS), connections: 4 };
    const subjects = [...cases({ settings, rateOf: () => undefined })].flatMap((one) => one.subjects);
    const there = new Set(subjects.flatMap((one) => (one.fairness === undefined ? [] : [one.name])));
    const say = Object.entries(PEERS).filter(([, { scenarios }]) => (scenarios as readonly string[]).includes(name));
    expect([...there].sort()).toEqual(say.map(([peer]) => peer).sort());
  });

  it("says which file is no results.json", async () => {
    expect(await bench(["compare", "/nowhere/a.json", "/nowhere/b.json"], PLACE)).toBe(1);
    expect(complained[0]).toMatch(/^\/nowhere\/a\.json cannot be read as a results\.json: ENOENT/);
  });

  it.each(SCENARIOS)("refuses more connections than the machine bears: $name", async (scenario) => {
    const args = ["--peer", "none", "--connections", "1000000", "--out", out];
    expect(await bench(args, PLACE, [scenario])).toBe(1);
    expect(complained).toHaveLength(1);
    expect(complained[0]).toMatch(/^1000000 connections (need|are more than) .*\.$/);
  });

  it.each([
    ["viewer-fanout", 40],
    ["slow-readers", 40],
    ["kiosk-soak", 3_000],
  ])("counts what %s has beside its viewers among the connections", async (scenario, others) => {
    const connections = connectionsMax();
    const args = ["--only", scenario, "--peer", "none", "--connections", String(connections), "--out", out];
    expect(await bench(args, PLACE)).toBe(1);
    expect(complained).toEqual([expect.stringMatching(new RegExp(`^${connections + others} connections .*\\.$`))]);
  });

  it.each([
    [
      "hold-rush",
      ["--in-flight", "8"],
      "500 connections with 8 in flight need 120 seats in each showtime, and there are 96: use fewer.",
    ],
    [
      "rest-hold",
      ["--connections", "500", "--rounds", "50"],
      "500 connections need 25000 seats in 50 rounds of holds over REST, and there are 20000: use fewer.",
    ],
  ])("refuses %s with %j, which has not enough seats, before it measures", async (scenario, more, sentence) => {
    expect(await bench(["--only", scenario, "--peer", "none", ...more, "--out", out], PLACE)).toBe(1);
    expect(complained).toEqual([sentence]);
  });

  it("has so few logins that Usher need not say it is busy, and says how many", () => {
    const [storm] = loginStorm.cases({ settings: { ...NONE, connections: 5_000 }, rateOf: () => undefined });
    expect(storm?.load).toContain("250 connections, 1250 accounts");
  });

  it("says how long each round is where nobody asks for another length", async () => {
    expect(await bench(["--help"], PLACE)).toBe(0);
    expect(said.join("\n").replaceAll(/\s+/g, " ")).toContain(
      "(default: 3; at a steady rate, and for one change at a time, 10; for the engine alone 1; takeover: ten kills)",
    );
  });

  it("names scenarios and peers", async () => {
    expect(await bench(["--list"], PLACE)).toBe(0);
    expect(said.join("\n")).toMatch(/hold-rush.*\n[^]*viewer-fanout[^]*postgres-for-update/);
  });
});

/** Buyers and the limit that needs no database. */
const SMALL: Scenario = {
  name: "small",
  about: "as small as it can be",
  cases: () => [
    {
      name: "few buyers",
      load: "closed loop, 4 connections",
      unit: "commands",
      subjects: (["usher", "peer"] as const).map((kind) => ({
        name: kind,
        kind,
        about: `<b>${kind}</b>`,
        start: (stage) =>
          startRush((_stage, hall) => startPlainServer(stage, SERVER, hall), stage, ARENA, {
            connections: 4,
            slots: 1,
            seconds: 1,
            pace: { kind: "closed" },
          }),
      })),
    },
  ],
};
const SERVER = {
  name: "bare-publish",
  entry: "bench/limits/bare-publish.ts",
  env: {},
  dialect: "bench-msgpack",
} as const;

const TAIL = "p99.9, ms";

/** Subjects that are judged by the latency that they tell, if any. */
const measuring = (names: readonly string[], latencyMs: (name: string) => number | undefined): Scenario => ({
  name: "measuring",
  about: "no servers",
  cases: () => [
    {
      name: "no load",
      load: "none",
      unit: "commands",
      judgedBy: { figure: TAIL, unit: "ms", better: "less" },
      subjects: names.map((name, index) => ({
        name,
        kind: index === 0 ? ("usher" as const) : ("peer" as const),
        about: name,
        start: () =>
          Promise.resolve({
            round() {
              const histogram = createHistogram();
              const ms = latencyMs(name);
              if (ms !== undefined) histogram.recordValue(ms * 1e3);
              const latency = encodeHistogram(histogram);
              const figures = { [TAIL]: latencyOf(latency).percentiles["p99.9"] };
              const sample = { count: 0, refused: 0, histograms: { latency }, slices: [], figures };
              return Promise.resolve<Measured>({ seconds: 1, cpu: undefined, sample });
            },
            stop: () => Promise.resolve(),
          }),
      })),
    },
  ],
});

describe("a run", () => {
  it(
    "writes results with every histogram, and a report that needs nothing else",
    async () => {
      const args = ["--rounds", "2", "--peer", "none", "--out", out];
      expect(await bench(args, PLACE, [SMALL])).toBe(0);
      const file = join(out, "results.json");
      const results = JSON.parse(readFileSync(file, "utf8")) as Results; // Just written.
      const subjects = results.scenarios[0]?.cases[0]?.subjects ?? [];
      expect(
        subjects.map(({ rounds }) => rounds.map(({ latencies }) => latencies["latency"]?.histogram.slice(0, 4))),
      ).toEqual([
        ["HIST", "HIST"],
        ["HIST", "HIST"],
      ]);
      const report = readFileSync(join(out, "report.html"), "utf8");
      expect(report).toContain("<svg");
      expect(report).not.toMatch(/(src|href)=|url\(|@import|<script|<b>/);
      said = [];
      expect(await bench(["compare", file, file], PLACE)).toBe(0);
      expect(said.join("\n")).toContain("within the spread");
    },
    RUN_TIMEOUT_MS,
  );

  it("says in one sentence when its own process has nothing left for it", async () => {
    const tooMany = Object.assign(new Error("too many open files"), { code: "EMFILE" });
    const full = measuring(["usher"], () => {
      throw new Error("no server", { cause: tooMany });
    });
    expect(await bench(["--rounds", "1", "--peer", "none", "--out", out], PLACE, [full])).toBe(1);
    expect(complained).toEqual([expect.stringMatching(/^The bench has no more file descriptors: .*\.$/)]);
  });

  it("leaves out what needs a program that this machine does not have, and says how to install it", async () => {
    const without: Scenario = { ...measuring(["usher"], () => 3), name: "without", needs: ["no-such-server"] };
    const all = [measuring(["usher"], () => 3), without];
    const why = "no-such-server is not on the PATH: install it (on Debian or Ubuntu: apt-get install no-such-server).";
    const args = ["--rounds", "1", "--peer", "none", "--out", out];
    expect(await bench(args, PLACE, all)).toBe(0);
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
    expect(results.scenarios.map(({ name }) => name)).toEqual(["measuring"]);
    expect(results.notes).toContain(`Left out: without. ${why}`);
    expect(await bench([...args, "--only", "measuring,without"], PLACE, all)).toBe(1);
    expect(complained).toEqual([why]);
    const overNats = SCENARIOS.filter(({ needs }) => needs?.includes("nats-server"));
    expect(overNats.map(({ name }) => name)).toEqual([
      "takeover",
      "cluster-hold-rush",
      "cluster-viewer-fanout",
      "cluster-rest-hold",
    ]);
  });

  it("keeps what it has measured after each case, so that a run that is killed loses one case at most", async () => {
    const found: number[] = [];
    const one = measuring(["usher"], () => 1);
    const reading = measuring(["usher"], () => {
      const { scenarios } = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Written before.
      return found.push(scenarios.flatMap(({ cases }) => cases).length);
    });
    expect(await bench(["--rounds", "1", "--peer", "none", "--out", out], PLACE, [one, reading])).toBe(0);
    expect(found).toEqual([1]);
    expect(readdirSync(out).sort()).toEqual(["report.html", "results.json"]);
  });

  it("names the commit and the versions that it measured, whatever is checked out meanwhile", async () => {
    const root = join(out, "checkout");
    mkdirSync(root);
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=bench", "-c", "user.email=bench@example.org", ...args], {
        cwd: root,
        encoding: "utf8",
      }).trim();
    const checkOut = (version: string): string => {
      const content = { version, dependencies: {}, devDependencies: {}, optionalDependencies: {} };
      writeFileSync(join(root, "package.json"), JSON.stringify(content));
      git("add", ".");
      git("commit", "--quiet", "--message", version);
      return git("rev-parse", "HEAD");
    };
    git("init", "--quiet");
    const commit = checkOut("1.0.0");
    const moving = measuring(["usher"], () => (checkOut("2.0.0"), 3));
    const place = { ...PLACE, root: pathToFileURL(`${root}/`) };
    expect(await bench(["--rounds", "1", "--peer", "none", "--out", out], place, [moving])).toBe(0);
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
    expect(results).toMatchObject({ commit, versions: { usher: "1.0.0" } });
  });

  it("measures once what is named twice", async () => {
    expect(await bench(["--only", "wire,wire", "--rounds", "1", "--peer", "none", "--out", out], PLACE)).toBe(0);
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
    expect(results.scenarios.map(({ name }) => name)).toEqual(["wire"]);
  });

  it("goes back and forth, so that each subject follows both of its neighbours", async () => {
    const order: string[] = [];
    const args = ["--rounds", "3", "--peer", "none", "--out", out];
    const kept = measuring(["a", "b", "c"], (name) => order.push(name));
    expect(await bench(args, PLACE, [kept])).toBe(0);
    expect(order.join(" ")).toBe("a b c c b a a b c");
  });

  it("has no figure where nothing was measured, which is neither better nor worse than one", async () => {
    const file = (name: string): string => join(out, name, "results.json");
    const args = ["--rounds", "2", "--peer", "none", "--out"];
    expect(await bench([...args, join(out, "none")], PLACE, [measuring(["usher", "other"], () => undefined)])).toBe(0);
    expect(said.join("\n")).toMatch(/ usher +- +- to -.*\n +other +- +- to - .*- x \(- to -\)/);
    expect(await bench([...args, join(out, "some")], PLACE, [measuring(["usher", "other"], () => 3)])).toBe(0);
    for (const [before, after] of [
      ["none", "some"],
      ["some", "none"],
      ["none", "none"],
    ] as const) {
      said = [];
      expect(await bench(["compare", file(before), file(after)], PLACE)).toBe(0);
      expect(said.slice(4, 6).map((line) => line.trim().split(/ {2,}/).slice(4))).toEqual([
        ["-", expect.any(String), expect.any(String), "-"],
        ["-", expect.any(String), expect.any(String), "-"],
      ]);
    }
  });

  it("tells the versions of the servers that took part, and compare says where they differ", async () => {
    const [before, after] = [join(out, "before"), join(out, "after")];
    const server = join(out, "server");
    symlinkSync(process.execPath, server);
    const plain = measuring(["usher"], () => 3);
    const serving: Scenario = {
      ...plain,
      *cases(context) {
        for (const one of plain.cases(context)) {
          const subjects = one.subjects.map((plan): SubjectPlan => ({
            ...plan,
            async start(stage) {
              const command = [server, "--eval", "console.log('ready'); setInterval(() => undefined, 1_000)"] as const;
              await stage.start({ name: "server", command, env: {}, patterns: [/ready/] });
              return plan.start(stage);
            },
          }));
          yield { ...one, subjects };
        }
      },
    };
    for (const to of [before, after]) {
      expect(await bench(["--rounds", "1", "--peer", "none", "--out", to], PLACE, [serving])).toBe(0);
    }
    const file = join(after, "results.json");
    const results = JSON.parse(readFileSync(file, "utf8")) as Results; // Just written.
    expect(results.versions).toMatchObject({
      [server]: process.versions.node,
      autocannon: expect.stringMatching(/^\d/),
    });
    writeFileSync(file, JSON.stringify({ ...results, versions: { ...results.versions, [server]: "0.1" } }));
    expect(await bench(["compare", join(before, "results.json"), file], PLACE)).toBe(0);
    expect(said.at(-1)).toBe(`These were different versions: ${server} ${process.versions.node} and 0.1.`);
  });

  it(
    "leaves the profile of a server that has ended, and says which one wrote none",
    async () => {
      const plain = measuring(["ended", "killed"], () => 3);
      const serving: Scenario = {
        ...plain,
        *cases(context) {
          for (const one of plain.cases(context)) {
            const subjects = one.subjects.map((plan): SubjectPlan => ({
              ...plan,
              async start(stage) {
                const server = await startPlainServer(stage, { ...SERVER, name: plan.name }, ARENA);
                const stop = () => server.stop(plan.name === "killed" ? "now" : "cleanly");
                return { ...(await plan.start(stage)), stop };
              },
            }));
            yield { ...one, subjects };
          }
        },
      };
      expect(await bench(["--profile", "--rounds", "1", "--peer", "none", "--out", out], PLACE, [serving])).toBe(0);
      const files = readdirSync(out).filter((file) => file.endsWith(".cpuprofile"));
      const profiles = files.filter((file) => !file.includes("-thread-")); // Sources are read in a thread.
      expect(profiles).toEqual([expect.stringMatching(/^ended-/)]);
      expect(readFileSync(join(out, profiles[0] ?? ""), "utf8").startsWith('{"nodes":[{')).toBe(true);
      const shown = vi.mocked(process.stderr.write).mock.calls.map(([line]) => String(line));
      expect(shown.filter((line) => line.includes("profile"))).toEqual([
        expect.stringMatching(/^ +A process of killed wrote no profile: .*\.\n$/),
      ]);
    },
    RUN_TIMEOUT_MS,
  );

  it(
    "fails loudly when a server dies in the middle",
    async () => {
      const [one] = SMALL.cases({ settings: NONE, rateOf: () => undefined });
      if (one === undefined) throw new Error("there is one");
      const dying: Scenario = {
        ...SMALL,
        cases: () => [
          {
            ...one,
            subjects: one.subjects.map((plan) => ({
              ...plan,
              start: async (stage) => {
                const subject = await plan.start({
                  ...stage,
                  start: async (server) => {
                    const started = await stage.start(server);
                    setTimeout(() => killIfThere(started.pid), 1_500);
                    return started;
                  },
                });
                return subject;
              },
            })),
          },
        ],
      };
      const broken = "The server of bare-publish ended in the middle of the run (SIGKILL).";
      expect(
        await bench(["--rounds", "2", "--peer", "none", "--out", out], PLACE, [
          measuring(["usher", "peer"], () => 3),
          dying,
        ]),
      ).toBe(1);
      expect(complained).toEqual([broken]);
      // What was measured before is kept, and says so.
      const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
      expect(results.scenarios.flatMap(({ cases }) => cases.flatMap(({ subjects }) => subjects))).toHaveLength(2);
      expect(results.notes).toContain(`The run was broken off: ${broken}`);
    },
    RUN_TIMEOUT_MS,
  );
});
