export { parsedJson } from "./parsed-json.ts";
