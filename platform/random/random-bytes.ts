import { randomBytes } from "node:crypto";

/** Unpredictable bytes as an argument, so that a run can be repeated from a seed. */
export type RandomBytes = (size: number) => Buffer;

/** The operating system's generator. */
export const systemRandom: RandomBytes = (size) => randomBytes(size);
