export { freePorts } from "./free-ports.ts";
export { isEverywhere, isLoopback, networkOf, urlHost } from "./network.ts";
