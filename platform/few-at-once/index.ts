export { FewAtOnce } from "./few-at-once.ts";
