export { freePorts, isFree } from "./free-ports.ts";
export { isEverywhere, isLoopback, networkOf, urlHost } from "./network.ts";
