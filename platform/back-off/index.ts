export { doubledMs } from "./back-off.ts";
