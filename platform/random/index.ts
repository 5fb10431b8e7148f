export { systemRandom, type RandomBytes } from "./random-bytes.ts";
