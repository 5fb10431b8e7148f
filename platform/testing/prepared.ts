// @ts-expect-error -- A tool is plain JavaScript, so that it runs before anything is built.
import * as tool from "../../tools/prepare.mjs";

/** Builds what is out of date, so that a program which a test starts need not, and says nothing of it. */
export async function prepared(): Promise<void> {
  const { prepare } = tool as { prepare(options: { dev: boolean }): Promise<void> };
  await prepare({ dev: true });
}
