export { readSecretFile, writeSecretFile } from "./secret-file.ts";
