export { ID_BYTES, newId } from "./new-id.ts";
export { systemRandom, type RandomBytes } from "./random-bytes.ts";
export { seeded } from "./seeded.ts";
