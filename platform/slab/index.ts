export { Slab } from "./slab.ts";
