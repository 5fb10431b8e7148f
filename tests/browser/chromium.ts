import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];

/** The Chromium of the PATH. Its sandbox needs rights that containers and root do not have; the pages are our own. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: pathOfChromium(), args: ["--no-sandbox"] });

function pathOfChromium(): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const command of COMMANDS) {
      const path = join(folder, command);
      if (isExecutable(path)) return path;
    }
  }
  throw new Error(`none of ${COMMANDS.join(", ")} is on the PATH`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
