import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { ExplainedError } from "../explained/index.ts";
import { parsedJson } from "../json/index.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

interface SecretJson<Contents> {
  /** @returns undefined when there is no such file. @throws ExplainedError when it is not of the schema, or cannot be read */
  read(): Contents | undefined;
  /** What was read here before, and may have changed. @throws ExplainedError also when it is gone: nothing new is to take its place while the old is in use */
  readAgain(): Contents;
  /** As `writeSecretFile` does. */
  write(contents: Contents, options: Parameters<typeof writeSecretFile>[2]): void;
}

interface Options<Schema extends TSchema> {
  readonly path: string;
  readonly schema: Schema;
  /** What comes of its loss, such as `which signs everybody out`: nobody is to delete it unawares. */
  readonly ifLost: string;
}

/** A secret file that holds JSON. */
export const secretJson = <Schema extends TSchema>({
  path,
  schema,
  ifLost,
}: Options<Schema>): SecretJson<Static<Schema>> => {
  const read = (): Static<Schema> | undefined => {
    const text = readSecretFile(path);
    if (text === undefined) return undefined;
    const contents = parsedJson(text);
    if (Value.Check(schema, contents)) return contents;
    throw new ExplainedError(`${path} is damaged or of a newer version: restore it, or delete it, ${ifLost}.`);
  };
  return {
    read,
    readAgain() {
      const contents = read();
      if (contents === undefined)
        throw new ExplainedError(`${path} is gone: restore it before a start makes a new one, ${ifLost}.`);
      return contents;
    },
    write: (contents, options) => writeSecretFile(path, `${JSON.stringify(contents, undefined, 2)}\n`, options),
  };
};
