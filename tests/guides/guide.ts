/** The code of a guide, as a reader would take it over. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export class Guide {
  readonly text: string;

  /** @param name such as `client`, for docs/guides/client.md */
  constructor(name: string) {
    this.text = readFileSync(join(ROOT, `docs/guides/${name}.md`), "utf8");
  }

  /** Its blocks of that language, in their order. */
  blocks(language: string): string[] {
    const blocks = this.text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"));
    return Array.from(blocks, ([, code = ""]) => code);
  }
}

/** The code, for the Usher at this port. */
export const withPort = (code: string, httpPort: number): string =>
  code.replaceAll("http://127.0.0.1:8080", `http://127.0.0.1:${httpPort}`);
