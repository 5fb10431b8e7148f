export { isLoopback, networkOf } from "./network.ts";
