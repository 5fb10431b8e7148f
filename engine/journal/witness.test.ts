import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileWitness, UnsafeJournal } from "./index.ts";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "usher-witness-"));
  path = join(directory, "witness.json");
});

afterEach(() => rm(directory, { recursive: true }));

describe("the witness in a file", () => {
  it("remembers how far its own journal had got, and says nothing of another", async () => {
    await new FileWitness(path, "ours").write(new Map([[3, 17]]));
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map([[3, 17]]));
    expect(await new FileWitness(path, "theirs").read()).toEqual(new Map());
  });

  it("claims nothing when it is missing or torn", async () => {
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map());
    await writeFile(path, '{"journal":"ours","ro');
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map());
  });

  it("says so when it is there and cannot be read", async () => {
    await expect(new FileWitness(directory, "ours").read()).rejects.toThrow(UnsafeJournal);
  });
});
