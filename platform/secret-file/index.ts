export { readSecretFile, writeSecretFile } from "./secret-file.ts";
export { secretJson } from "./secret-json.ts";
