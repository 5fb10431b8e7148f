/** The import rules of ARCHITECTURE.md: who may import whom. `npm test` holds the code against them. */

/** A folder may import itself, `proto/`, and what is named here. */
const MAY_IMPORT = {
  proto: [],
  platform: [],
  engine: ["platform"],
  edge: ["platform"],
  services: ["platform"],
  client: [],
  web: ["client"],
};
const FOLDERS = [...Object.keys(MAY_IMPORT), "bench", "bin", "tests", "tools"];

/** Tests may reach for the helpers of other tests, and a composition for any part. */
const TESTS = "\\.test\\.ts$|/testing/|/testing[^/]*\\.ts$";

const folderRules = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `${folder}-imports-only-${["itself", "proto", ...others].join("-")}`,
  comment: `${folder}/ may import nothing of ours but ${["proto", ...others].join(", ")}`,
  severity: "error",
  from: { path: `^${folder}/`, pathNot: folder === "proto" ? [] : TESTS },
  to: { path: `^(${FOLDERS.join("|")})/`, pathNot: `^(${[folder, "proto", ...others].join("|")})/` },
}));

/** What a folder's index.ts does not export is private to the folder, which is `own`. */
const DOOR = "index\\.ts$";
const doorRule = (name, from, to, own = "^$1/") => ({
  name,
  comment: "import the folder's index.ts",
  severity: "error",
  // For browsers the client takes single files of proto/ws: its door brings the schemas, and a validator with them.
  from: { path: from, pathNot: [TESTS, "^(tests|bench|client)/"] },
  to: { path: to, pathNot: own },
});

export default {
  forbidden: [
    ...folderRules,
    {
      name: "the-core-is-pure",
      comment: "engine/core decides: it knows proto alone, and no module of Node or of npm",
      severity: "error",
      from: { path: "^engine/core/", pathNot: TESTS },
      to: { pathNot: "^(engine/core|proto)/" },
    },
    {
      name: "services-do-not-know-each-other",
      comment: "a domain meets another over the bus or through events",
      severity: "error",
      from: { path: "^services/([^/]+)/", pathNot: TESTS },
      to: { path: "^services/[^/]+/", pathNot: "^services/$1/" },
    },
    doorRule("one-door-a-folder", "^([^/]+/[^/]+)/", `^(proto|platform|engine|edge|services)/[^/]+/(?!${DOOR})`),
    // Files right below `bin/`, `engine/`, `edge/`: to them the folders beside them have one door, too.
    doorRule(
      "one-door-a-folder-from-above",
      "^([^/]+)/[^/]+$",
      `^(proto|platform|engine|edge|services)/[^/]+/(?!${DOOR})`,
      [],
    ),
    doorRule("one-door-a-package", "^([^/]+)/", `^(edge|client)/(?!${DOOR})`),
    {
      name: "nobody-imports-the-ends",
      comment: "bin and bench import everything, and nothing imports them",
      severity: "error",
      from: { path: "^([^/]+)/", pathNot: "^tests/" },
      to: { path: "^(bin|bench|tests)/", pathNot: "^$1/" },
    },
    {
      name: "engines-and-edges-load-no-domain",
      comment: "they start in the middle of a sale: what sells tickets is not theirs to load",
      severity: "error",
      from: { path: "^bin/commands/(engine|edge)\\.ts$" },
      to: { path: "^services/", reachable: true },
    },
    {
      name: "tests-stay-outside",
      comment: "what runs in production does not import what only tests use",
      severity: "error",
      from: { pathNot: [TESTS, "^tests/"] },
      to: { path: TESTS },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    // The peers' dependencies are installed by whoever wants to measure against them.
    { name: "no-unresolved", severity: "error", from: { pathNot: "^bench/peers/" }, to: { couldNotResolve: true } },
  ],
  options: {
    // TypeScript 7 has no API for tools, so swc reads the sources.
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|node_modules)" },
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["import"],
    },
  },
};
