import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
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
    const rows = new Map([
      [3, { seq: 17, epoch: 120_000_000 }],
      [4, { seq: 2, epoch: undefined }],
    ]);
    await new FileWitness(path, "ours").write(rows);
    expect(await new FileWitness(path, "ours").read()).toEqual(rows);
    expect(await new FileWitness(path, "theirs").read()).toEqual(new Map());
  });

  it("reads one of an older version, which does not know whose the rows were", async () => {
    await writeFile(path, '{"journal":"ours","rows":[[3,17]]}');
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map([[3, { seq: 17 }]]));
  });

  it("claims nothing when it is missing or torn", async () => {
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map());
    await writeFile(path, '{"journal":"ours","ro');
    expect(await new FileWitness(path, "ours").read()).toEqual(new Map());
  });

  it("makes the folder that is not there, for this user alone, and says so where it cannot", async () => {
    const folder = join(directory, "not", "there");
    const witness = new FileWitness(join(folder, "witness.json"), "ours");
    expect(await witness.read()).toEqual(new Map());
    await witness.write(new Map([[3, { seq: 17 }]]));
    expect(await witness.read()).toEqual(new Map([[3, { seq: 17 }]]));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await writeFile(path, "a file");
    await expect(new FileWitness(join(path, "witness.json"), "ours").read()).rejects.toThrow("cannot be written");
  });

  it("says so when it is there and cannot be read", async () => {
    await expect(new FileWitness(directory, "ours").read()).rejects.toThrow(UnsafeJournal);
  });
});
