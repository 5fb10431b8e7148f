import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const CORE = import.meta.dirname;
const FORBIDDEN =
  /\b(Date|Math\.random|performance|process|globalThis|crypto|set(Timeout|Interval|Immediate)|queueMicrotask|Promise|async|await)\b/;

test("no file of the core imports anything but the core and proto, or asks for time, chance or patience", async () => {
  const names = await readdir(CORE, { recursive: true });
  const files = names.filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("testing"),
  );
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const source = await readFile(join(CORE, file), "utf8");
    const imported = [...source.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, path]) =>
      join(CORE, file, "..", path ?? ""),
    );
    for (const path of imported) {
      expect(path.startsWith(CORE) || path === join(CORE, "../../proto/index.ts"), `${file} imports ${path}`).toBe(
        true,
      );
    }
    const code = source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
    expect(FORBIDDEN.exec(code)?.[0], file).toBeUndefined();
  }
});
