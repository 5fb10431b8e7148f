export { blockListOf, familyOf } from "./block-list.ts";
export { freePorts, isFree } from "./free-ports.ts";
export { explainListenError } from "./listen-error.ts";
export { isEverywhere, isLoopback, networkOf, urlHost } from "./network.ts";
