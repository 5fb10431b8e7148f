import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SYSTEM_FONTS } from "../../services/tickets/print/fonts.ts";
import { ROOT } from "./compose-file.ts";
import { entrypoint, imageEnvironment, instructions } from "./image.ts";

/** ABI numbers of Node's releases, https://nodejs.org/en/about/previous-releases. */
const ABI_OF_NODE: Readonly<Record<string, number>> = { 22: 127, 24: 137, 25: 141 };

it("the image's Node has a WebSocket server's binary, on both kinds of machine", () => {
  const major = /^FROM node:(\d+)-trixie-slim$/m.exec(readFileSync(join(ROOT, "Dockerfile"), "utf8"))?.[1] ?? "";
  for (const machine of ["x64", "arm64"]) {
    const file = `node_modules/uWebSockets.js/uws_linux_${machine}_${ABI_OF_NODE[major]}.node`;
    expect(existsSync(join(ROOT, file)), file).toBe(true);
  }
});

it("it runs as nobody in particular, writes to one place, and ends when it is asked to", () => {
  expect(instructions("USER")).toEqual(["node"]);
  expect(instructions("VOLUME")).toEqual([imageEnvironment()["DATA_DIR"]]);
  expect(instructions("STOPSIGNAL")).toEqual(["SIGTERM"]);
  expect(instructions("HEALTHCHECK").join(" ")).toContain("/health/ready");
  expect(entrypoint()).toEqual(["node", "dist/bin/usher.js"]);
});

/** What Debian's packages of fonts bring: https://packages.debian.org/trixie/all/fonts-dejavu-core/filelist. */
const FONTS_OF_PACKAGE: Readonly<Record<string, string>> = {
  "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
};

it("it has a font for tickets with names and titles from beyond Western Europe", () => {
  const packages = instructions("RUN").flatMap((line) => /apt-get install ([^&]+)/.exec(line)?.[1]?.split(" ") ?? []);
  const fonts = packages.flatMap((name) => FONTS_OF_PACKAGE[name] ?? []);
  expect(SYSTEM_FONTS.map(({ regular }) => regular)).toEqual(expect.arrayContaining(fonts));
  expect(fonts).not.toEqual([]);
});

it("its user can read all of it, however strict the umask of the checkout was", () => {
  const [first = ""] = readFileSync(join(ROOT, "Dockerfile"), "utf8")
    .split(/^FROM .*$/m)
    .slice(1);
  expect(first.indexOf("\nCOPY . .\n")).toBeGreaterThan(0);
  expect(first.indexOf("chmod go+rX")).toBeGreaterThan(first.indexOf("\nCOPY . .\n"));
  expect(first.indexOf("chmod go+rX")).toBeLessThan(first.indexOf("tools/build.mjs"));
  expect(instructions("COPY").filter((line) => !line.startsWith("--from=build "))).toEqual([]);
});
