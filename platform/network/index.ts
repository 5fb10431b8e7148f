export { isEverywhere, isLoopback, networkOf, urlHost } from "./network.ts";
